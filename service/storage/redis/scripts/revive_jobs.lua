#!lua
-- Puts failed jobs whose delay is over back into the queue.
-- KEYS: delayed, jobs. ARGV: limit. A member is '<project> <user key> <session id> <generation> <attempts>'.
for _, job in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', digits(microseconds()), 'LIMIT', 0, ARGV[1])) do
  local project, user_key, session_id, generation, attempts = string.match(job, '^(%S+) (%S+) (%S+) (%S+) (%S+)$')
  redis.call('ZREM', KEYS[1], job)
  redis.call('XADD', KEYS[2], '*', 'project', project, 'user', user_key, 'session', session_id, 'generation', generation,
    'attempts', attempts)
end
