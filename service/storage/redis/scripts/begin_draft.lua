#!lua
-- Notes that a draft, a user that is being restored, is to be removed after a day.
-- KEYS: intents. ARGV: intent to discard the draft.
local DAY = 86400 * 1000000
redis.call('ZADD', KEYS[1], digits(microseconds() + DAY), ARGV[1])
