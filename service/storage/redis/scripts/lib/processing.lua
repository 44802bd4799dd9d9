-- Marks a session as processing and queues its job. The raised generation makes every older job of the session stale.
local function queue_job(session, pending, timers, jobs, timer, project, user_key, session_id)
  redis.call('HSET', session, 'status', 'processing')
  local generation = redis.call('HINCRBY', session, 'generation', 1)
  redis.call('ZREM', pending, session_id)
  redis.call('ZREM', timers, timer)
  redis.call('XADD', jobs, '*', 'project', project, 'user', user_key, 'session', session_id, 'generation', generation, 'attempts', 0)
end
