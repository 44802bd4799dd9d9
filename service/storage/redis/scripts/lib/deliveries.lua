-- Sets when the next delivery of a project is due: with its first user, or never.
local function arm_project(projects, due, project)
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', projects, first[2], project)
  else
    redis.call('ZREM', projects, project)
  end
end
