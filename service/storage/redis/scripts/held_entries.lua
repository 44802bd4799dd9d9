#!lua
-- Finds the entries of one user that consumers hold.
-- KEYS: stream. ARGV: group, project, user key, lease (milliseconds), number of entries to look at, the oldest.
-- Returns their ids; those whose lease ran out are held by nobody.
local held = {}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[5])) do
  local entry = redis.call('XRANGE', KEYS[1], pending[1], pending[1])[1]
  if entry and pending[3] < tonumber(ARGV[4]) then
    local about = {}
    for i = 1, #entry[2], 2 do about[entry[2][i]] = entry[2][i + 1] end
    if about.project == ARGV[2] and about.user == ARGV[3] then held[#held + 1] = entry[1] end
  end
end
return held
