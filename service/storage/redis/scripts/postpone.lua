#!lua
-- Lets an intent that cannot be carried out yet count as young again.
-- KEYS: intents. ARGV: intent.
redis.call('ZADD', KEYS[1], 'XX', digits(microseconds()), ARGV[1])
