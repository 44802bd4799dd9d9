#!lua
-- Removes entries from a stream and from its group.
-- KEYS: stream. ARGV: group, then entry ids.
for i = 2, #ARGV do
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  redis.call('XDEL', KEYS[1], ARGV[i])
end
