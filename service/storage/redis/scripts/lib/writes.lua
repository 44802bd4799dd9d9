-- Whether the user exists and its memories are at the revision that a change was worked out from.
local function is_current(user, revision_key, revision)
  return redis.call('EXISTS', user) == 1 and (redis.call('GET', revision_key) or '0') == revision
end

-- Runs the writes packed in ARGV from `at` on: <command> <place of its key after first_key, from 0> <argument count> <arguments>.
local function run_writes(first_key, at)
  while at <= #ARGV do
    local count = tonumber(ARGV[at + 2])
    redis.call(ARGV[at], KEYS[first_key + tonumber(ARGV[at + 1])], unpack(ARGV, at + 3, at + 2 + count))
    at = at + 3 + count
  end
end
