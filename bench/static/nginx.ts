/** What nginx is told: one worker as the others have one thread, no access log, open files remembered. */
import { userInfo } from 'node:os'

export const nginxConf = ({ folder, root, port }: { folder: string; root: string; port: number }): string =>
  `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
user ${userInfo().username};
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=100;
  types { text/html html; application/octet-stream bin; }
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`
