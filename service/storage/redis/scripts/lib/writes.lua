-- Whether the user exists and its memories are at the revision that a change was worked out from.
local function is_current(user, revision_key, revision)
  return redis.call('EXISTS', user) == 1 and (redis.call('GET', revision_key) or '0') == revision
end

-- Runs the writes in ARGV from `at` on, each argument a JSON list of [<command>, <place of its key after first_key, from 0>, <arguments>].
local function run_writes(first_key, at)
  for i = at, #ARGV do
    for _, write in ipairs(cjson.decode(ARGV[i])) do
      redis.call(write[1], KEYS[first_key + write[2]], unpack(write, 3))
    end
  end
end
