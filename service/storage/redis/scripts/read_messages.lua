#!lua
-- Returns stretches of a user's messages, each as a list, or nothing when there is no such user.
-- KEYS: record, forgotten, messages of each session.
-- ARGV: number of sessions, their ids, then for each stretch the place of its session among these, its first and last index.
-- Returns {which messages of each session are forgotten, empty when none of the user are; each stretch}.
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
local sessions = tonumber(ARGV[1])
local found = {redis.call('EXISTS', KEYS[2]) == 1 and redis.call('HMGET', KEYS[2], unpack(ARGV, 2, 1 + sessions)) or {}}
for at = 2 + sessions, #ARGV, 3 do
  found[#found + 1] = redis.call('LRANGE', KEYS[tonumber(ARGV[at]) + 2], ARGV[at + 1], ARGV[at + 2])
end
return found
