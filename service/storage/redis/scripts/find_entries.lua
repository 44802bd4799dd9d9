#!lua
-- Finds the entries of one user and kind in a part of the outbox, whether they are leased or not.
-- KEYS: outbox. ARGV: project, user key, kind, id from which to search, number of entries to look at.
-- Returns {id from which to go on, empty at the end; record ids}.
local entries, records = redis.call('XRANGE', KEYS[1], ARGV[4], '+', 'COUNT', ARGV[5]), {}
for _, entry in ipairs(entries) do
  local about = {}
  for i = 1, #entry[2], 2 do about[entry[2][i]] = entry[2][i + 1] end
  if about.user == ARGV[2] and about.project == ARGV[1] and about.kind == ARGV[3] then
    records[#records + 1] = about.record
  end
end
local full = #entries == tonumber(ARGV[5])
return {full and '(' .. entries[#entries][1] or '', records}
