// What would let nginx find more about a server's clients, as lines for nginx.conf.

import type { ServerDetails } from "../api/shapes";

export interface Advice {
  reason: string;
  lines: string;
}

/** Below this share something is worth improving. */
const GOOD_SHARE = 0.95;

export function adviceFor(server: ServerDetails): Advice[] {
  const { shares } = server;
  if (!shares.calls) return [];
  const share = (n: number) => n / shares.calls;
  const has = (directive: string) => (server.configuration ?? []).some((line) => line.directive === directive);
  const found: Advice[] = [];
  if (share(shares.with_user) < GOOD_SHARE) {
    found.push(
      has("mcp_user")
        ? {
            reason: "Calls without a user are not covered by the places that mcp_user names. Add the place where those clients say who they are, behind the ones you have.",
            lines: "map $http_x_api_key $mcp_agent {\n    # key      name\n    include    /etc/nginx/mcp-agents.map;\n}\nmcp_user $mcp_jwt_email $mcp_jwt_sub $remote_user $mcp_agent;",
          }
        : { reason: "No user is looked for. These places cover bearer tokens and nginx's own authentication.", lines: "mcp_jwt_key_file /etc/nginx/idp.jwks;\nmcp_user $mcp_jwt_email $mcp_jwt_sub $remote_user;" },
    );
  }
  if (share(shares.with_roles) < GOOD_SHARE && !has("mcp_role")) {
    found.push({ reason: "No role is looked for. Tokens often hold them in a claim; a text of several wants a separator.", lines: 'mcp_role $mcp_jwt_roles;\n# mcp_role $mcp_jwt_scope separator=" ";' });
  }
  if (share(shares.with_session_id) < GOOD_SHARE) {
    found.push({
      reason: "Sessions without an id of their own are a best guess. If clients send something that belongs to one conversation, name it; if not, narrow down what is grouped together.",
      lines: "mcp_session_id $http_x_conversation_id;\n# or: mcp_session_derive $mcp_user $remote_addr $http_user_agent idle=15m;",
    });
  }
  return found;
}
