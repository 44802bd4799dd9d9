#!lua
-- Ends an attempt: the job waits for its delay, or after the last attempt lies among the dead letters and its session is failed.
-- KEYS: jobs, delayed, dead, user, session.
-- ARGV: group, entry id, attempt, most attempts, delay (microseconds), error, project, user key, session id,
--   generation, most dead letters.
-- Returns whether the job will be tried again. An attempt that another worker took over is none of the caller's: it is left alone.
local group, id, attempt, most_attempts, delay, error = unpack(ARGV, 1, 6)
local project, user_key, session_id, generation, most_dead = unpack(ARGV, 7, 11)

local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
if not pending or not entry then return 1 end
-- the last field says how many attempts were made before this entry
if entry[2][#entry[2]] + pending[4] ~= tonumber(attempt) then return 1 end

redis.call('XACK', KEYS[1], group, id)
redis.call('XDEL', KEYS[1], id)
if tonumber(attempt) < tonumber(most_attempts) then
  local job = table.concat({project, user_key, session_id, generation, attempt}, ' ')
  redis.call('ZADD', KEYS[2], digits(microseconds() + tonumber(delay)), job)
  return 1
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', most_dead, '*', 'project', project, 'user', user_key, 'session', session_id,
  'generation', generation, 'attempts', attempt, 'error', error)
local session = redis.call('HMGET', KEYS[5], 'status', 'generation')
if redis.call('EXISTS', KEYS[4]) == 1 and session[1] == 'processing' and session[2] == generation then
  redis.call('HSET', KEYS[5], 'status', 'failed')
end
return 0
