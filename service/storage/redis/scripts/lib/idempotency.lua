local DAY = 86400

-- Returns nil when the request is new, {'repeat', <first answer>} when it came before, {'reused'} when its key came with another body.
-- A request without an idempotency key has an empty digest and is always new.
local function first_answer(key, digest)
  local kept = digest ~= '' and redis.call('GET', key)
  if not kept then return nil end
  local space = string.find(kept, ' ', 1, true)
  if string.sub(kept, 1, space - 1) ~= digest then return {'reused'} end
  return {'repeat', string.sub(kept, space + 1)}
end

-- Keeps the answer for a day. The index names every kept answer of a user, so that deleting the user finds them.
local function keep_answer(key, index, digest, answer)
  if digest == '' then return end
  local now = tonumber(redis.call('TIME')[1])
  redis.call('SET', key, digest .. ' ' .. answer, 'EX', DAY)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', now)
  redis.call('ZADD', index, now + DAY, key)
end
