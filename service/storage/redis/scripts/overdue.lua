#!lua
-- Says what in a bucket is due.
-- KEYS: timers, delayed, intents. ARGV: limit of each, time after which an intent is taken for abandoned (microseconds).
-- Returns {members of the timers, number of delayed jobs, intents}.
local now = microseconds()
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(now), 'LIMIT', 0, ARGV[1]),
  redis.call('ZCOUNT', KEYS[2], '-inf', digits(now)),
  redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', digits(now - tonumber(ARGV[2])), 'LIMIT', 0, ARGV[1]),
}
