#!lua
-- Leases the first event of each of some users of one project, if it is due.
-- KEYS: projects, due users, then undelivered and events of each user. ARGV: now, end of the lease, project, then user keys.
-- Returns {user key, event id, event, what was tried or nil} of each.
local leased = {}
for i = 4, #ARGV do
  local undelivered, events = unpack(KEYS, 2 * i - 5, 2 * i - 4)
  local due = redis.call('ZSCORE', KEYS[2], ARGV[i])
  if due and tonumber(due) <= tonumber(ARGV[1]) then
    local id = redis.call('LINDEX', undelivered, 0)
    if id then
      redis.call('ZADD', KEYS[2], ARGV[2], ARGV[i])
      leased[#leased + 1] = {ARGV[i], id, redis.call('HGET', events, id), redis.call('HGET', events, id .. ':tries')}
    else
      redis.call('ZREM', KEYS[2], ARGV[i])
    end
  end
end
arm_project(KEYS[1], KEYS[2], ARGV[3])
return leased
