#!lua
-- Leases entries of a stream to a consumer: first those whose lease ran out, then new ones.
-- KEYS: stream. ARGV: group, consumer, limit, lease (milliseconds), cursor of the search for leases that ran out.
-- Returns {cursor, {{entry id, how often it was leased, fields}, …}}.
local limit, entries = tonumber(ARGV[3]), {}
local function take(claimed)
  for _, entry in ipairs(claimed) do
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
    entries[#entries + 1] = {entry[1], pending[1][4], entry[2]}
  end
end

local expired = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[4], ARGV[5], 'COUNT', limit)
take(expired[2])
if #entries < limit then
  local new = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', limit - #entries, 'STREAMS', KEYS[1], '>')
  if new then take(new[1][2]) end
end
return {expired[1], entries}
