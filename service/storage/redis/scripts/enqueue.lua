#!lua
-- Queues an index entry for each of some records of one kind.
-- KEYS: outbox. ARGV: project, user key, kind, then record ids.
for i = 4, #ARGV do
  redis.call('XADD', KEYS[1], '*', 'project', ARGV[1], 'user', ARGV[2], 'kind', ARGV[3], 'record', ARGV[i])
end
