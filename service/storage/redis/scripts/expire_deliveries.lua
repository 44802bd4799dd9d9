#!lua
-- Removes events that have ended.
-- KEYS: deliveries, dead deliveries, then undelivered and events of each. ARGV: user key and event id of each.
-- Returns how many were removed; those that wait stay.
local removed = 0
for i = 1, #ARGV, 2 do
  local undelivered, events, user, id = KEYS[i + 2], KEYS[i + 3], ARGV[i], ARGV[i + 1]
  if not redis.call('LPOS', undelivered, id) then
    redis.call('HDEL', events, id, id .. ':tries')
    redis.call('ZREM', KEYS[1], user .. ' ' .. id)
    redis.call('ZREM', KEYS[2], user .. ' ' .. id)
    removed = removed + 1
  end
end
return removed
