#!lua
-- Changes a user. A new id comes with the token of its claim and with the intent to free the old id.
-- KEYS: user, void, intents. ARGV: user id that is expected, token ('' when the id stays), intent, then fields and values.
-- Returns 'updated', 'gone' when no user has the id any more, or 'void' when the claim was given to someone else meanwhile.
if redis.call('HGET', KEYS[1], 'user_id') ~= ARGV[1] then return 'gone' end
if ARGV[2] ~= '' then
  if redis.call('ZSCORE', KEYS[2], ARGV[2]) then return 'void' end
  redis.call('HSET', KEYS[1], 'claim', ARGV[2])
  redis.call('ZADD', KEYS[3], digits(microseconds()), ARGV[3])
end
if #ARGV > 3 then redis.call('HSET', KEYS[1], unpack(ARGV, 4)) end
return 'updated'
