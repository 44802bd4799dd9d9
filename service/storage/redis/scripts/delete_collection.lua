#!lua
-- Removes a collection; its documents stay.
-- KEYS: collections, members, held, holders. ARGV: short name of the collection. Returns whether it was there.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
for _, pair in ipairs(redis.call('ZRANGEBYLEX', KEYS[3], '[' .. ARGV[1] .. ':', '(' .. ARGV[1] .. ';')) do
  redis.call('ZREM', KEYS[3], pair)
  redis.call('ZREM', KEYS[4], string.sub(pair, #ARGV[1] + 2) .. ':' .. ARGV[1])
  redis.call('HDEL', KEYS[2], pair)
end
return 1
