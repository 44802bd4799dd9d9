#!lua
-- Passes a claim on to another holder, or frees it, unless it has moved on since it was read.
-- KEYS: claim. ARGV: expected holder, expected token, new holder ('' to free it), new token.
-- Returns whether the claim was passed on.
local held = redis.call('GET', KEYS[1])
if not held or string.match(held, '^(%S+ %S+) ') ~= ARGV[1] .. ' ' .. ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[4] .. ' ' .. digits(microseconds()))
end
return 1
