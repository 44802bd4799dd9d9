-- Whether the user exists and its memories are at the revision that a change was worked out from.
local function is_current(user, revision_key, revision)
  return redis.call('EXISTS', user) == 1 and (redis.call('GET', revision_key) or '0') == revision
end

-- Makes writes, each [<command>, <place of its key after first_key, from 0>, <arguments>].
local function make_writes(first_key, writes)
  for _, write in ipairs(writes) do
    redis.call(write[1], KEYS[first_key + write[2]], unpack(write, 3))
  end
end

-- Makes the writes in ARGV from `at` on, each argument a JSON list of them.
local function run_writes(first_key, at)
  for i = at, #ARGV do make_writes(first_key, cjson.decode(ARGV[i])) end
end

-- Above all that a revision comes to by counting. A user whose revision is above it has a change whose parts are not all made yet:
-- whoever knows an earlier revision finds it moved on.
local UNDER_WAY = '4503599627370496'

-- Makes some messages of a session forgotten. `lists` are the outbox, jobs, pending, timers, spoken, summaries, summary times and forgotten.
local function forget_session(one, key, steps, lists, project, user)
  local outbox, jobs, pending, timers, spoken, summaries, summary_times, forgotten = unpack(lists)
  if one.forgotten ~= '' then
    redis.call('HSET', forgotten, one.id, one.forgotten)
    redis.call('HINCRBY', key, 'forgotten_count', one.number)
    -- a message that came meanwhile has told its time itself
    if redis.call('HGET', key, 'message_count') == one.count then
      if one.newest == '' then redis.call('ZREM', spoken, one.id) else redis.call('ZADD', spoken, one.newest, one.id) end
    end
    if one.summary == '1' then
      redis.call('HDEL', summaries, one.id)
      redis.call('ZREM', summary_times, one.id)
      redis.call('XADD', outbox, '*', 'project', project, 'user', user, 'kind', 'summaries', 'record', one.id)
    end
  end
  redis.call('DEL', steps)
  if one.still_missing == '' then
    redis.call('HDEL', key, 'missing')
  else
    redis.call('HSET', key, 'missing', one.still_missing)
  end
  -- it may have been started since the change was worked out
  if one.again == '1' or redis.call('HGET', key, 'status') == 'processing' then
    queue_job(key, pending, timers, jobs, one.timer, project, user, one.id)
  else
    redis.call('HINCRBY', key, 'generation', 1)
  end
end

-- Makes a part of a change: a JSON object of project, user, sessions and writes.
-- KEYS from `first` on: the lists of forget_session, session and steps of each session, those of the writes.
local function make_part(first, text)
  local part, lists = cjson.decode(text), {unpack(KEYS, first, first + 7)}
  for i, one in ipairs(part.sessions) do
    local key = first + 6 + 2 * i
    forget_session(one, KEYS[key], KEYS[key + 1], lists, part.project, part.user)
  end
  make_writes(first + 8 + 2 * #part.sessions, part.writes)
end

-- Decides for the change that was staged: make_part makes it from now on.
local function begin_parts(revision, staged, parts, intents, intent)
  redis.call('RENAME', staged, parts)
  redis.call('PERSIST', parts)
  redis.call('INCRBY', revision, UNDER_WAY)
  redis.call('ZADD', intents, digits(microseconds()), intent)
end
