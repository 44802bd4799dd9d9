-- Ends an attempt at a job: the job waits for its delay, or after the last attempt lies among the dead letters.
-- ARGV: group, entry id, attempt, most attempts, delay (microseconds), error, project, user key, subject, generation, most dead letters.
-- Returns 'again', 'dead', or 'lost' when another worker took the attempt over: then it is none of the caller's and left alone.
local function end_attempt(jobs, delayed, dead)
  local group, id, attempt, most_attempts, delay, error = unpack(ARGV, 1, 6)
  local project, user_key, subject, generation, most_dead = unpack(ARGV, 7, 11)
  local pending = redis.call('XPENDING', jobs, group, id, id, 1)[1]
  local entry = redis.call('XRANGE', jobs, id, id)[1]
  if not pending or not entry then return 'lost' end
  -- the last field says how many attempts were made before this entry
  if entry[2][#entry[2]] + pending[4] ~= tonumber(attempt) then return 'lost' end

  redis.call('XACK', jobs, group, id)
  redis.call('XDEL', jobs, id)
  if tonumber(attempt) < tonumber(most_attempts) then
    local job = table.concat({project, user_key, subject, generation, attempt}, ' ')
    redis.call('ZADD', delayed, digits(microseconds() + tonumber(delay)), job)
    return 'again'
  end
  redis.call('XADD', dead, 'MAXLEN', '~', most_dead, '*', 'project', project, 'user', user_key, 'session', subject,
    'generation', generation, 'attempts', attempt, 'error', error)
  return 'dead'
end
