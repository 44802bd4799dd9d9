#!lua
-- Takes a call of the rate of a project, and what it brings in of the project's month.
-- KEYS: rate, ingested. ARGV: requests per minute ('' for any number), requests of this call, events per month ('' for any number),
--   events of this call, seconds to keep the count of the month.
-- Returns {microseconds to wait, -1 when the rate allows the call, events of the month, whether they are within the quota}.
-- The rate is the time at which the bucket would be full again: it holds a minute's worth of calls.
local MINUTE = 60 * 1000000
if ARGV[1] ~= '' and ARGV[2] ~= '0' then
  local now = microseconds()
  local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + tonumber(ARGV[2]) * MINUTE / tonumber(ARGV[1])
  if full - now > MINUTE then return {math.ceil(full - now - MINUTE), tonumber(redis.call('GET', KEYS[2]) or 0), 1} end
  redis.call('SET', KEYS[1], digits(full), 'PX', math.ceil((full - now) / 1000))
end

if ARGV[3] == '' then return {-1, 0, 1} end
local used, limit, events = tonumber(redis.call('GET', KEYS[2]) or 0), tonumber(ARGV[3]), tonumber(ARGV[4])
if events == 0 then return {-1, used, 1} end
if used + events > limit then return {-1, used, 0} end
redis.call('SET', KEYS[2], digits(used + events), 'EX', ARGV[5])
return {-1, used + events, 1}
