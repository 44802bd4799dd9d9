-- The server's time in microseconds since 1970. A script sees one time from its start to its end.
local function microseconds()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- Lua writes a large number with an exponent; records and scores are written with digits.
local function digits(number)
  return string.format('%.0f', number)
end
