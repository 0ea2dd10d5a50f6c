-- Says something to all nodes when the transaction commits. Connections of nodes that talk over Redis are handed it as a
-- notice instead, and say it there after the commit.
create function runsheet_tell(message text) returns void language plpgsql as $$
begin
  if current_setting('runsheet.bus', true) = 'redis' then
    raise notice using message = message, errcode = 'RS001';
  else
    perform pg_notify('runsheet', message);
  end if;
end $$;
