#!lua
-- Stores a document in place of the upload that it has, and queues index entries for the chunks of both.
-- KEYS: user, void, document, documents, bulk, new upload, old upload (the new one again when there is none).
-- ARGV: token of the claim, old upload ('' for none), document id, project, user key, new upload, number of fields and values of the
--   document, number of records to index, then those fields and values, the records, and the fields and values of the upload.
-- Returns {'put', created_at, uploaded_at}, {'gone'} without the user, {'void'} when the claim was given to someone else meanwhile, or
--   {'moved'} when the document has another upload by now.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) then return {'void'} end
if (redis.call('HGET', KEYS[3], 'upload') or '') ~= ARGV[2] then return {'moved'} end

local now, records = digits(microseconds()), 9 + ARGV[7]
local chunks = records + ARGV[8]
redis.call('HSETNX', KEYS[3], 'created_at', now)
redis.call('HSET', KEYS[3], 'uploaded_at', now, 'upload', ARGV[6], unpack(ARGV, 9, records - 1))
local created_at = redis.call('HGET', KEYS[3], 'created_at')
redis.call('ZADD', KEYS[4], created_at, ARGV[3])
redis.call('HSET', KEYS[1], 'documents', redis.call('ZCARD', KEYS[4]))

if ARGV[2] ~= '' then redis.call('UNLINK', KEYS[7]) end
redis.call('HSET', KEYS[6], 'time', now)
-- in parts: Lua cannot unpack thousands of values at once
for first = chunks, #ARGV, 1000 do
  redis.call('HSET', KEYS[6], unpack(ARGV, first, math.min(first + 999, #ARGV)))
end
for i = records, chunks - 1 do
  redis.call('XADD', KEYS[5], '*', 'project', ARGV[4], 'user', ARGV[5], 'kind', 'chunks', 'record', ARGV[i])
end
return {'put', created_at, now}
