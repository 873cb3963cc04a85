import { Copy } from "../parts/Copy";

const SNIPPET = `mcp_mode monitoring;    # report only; "block" comes later

mcp_acl "only admins delete" {
    methods    tools/call;
    primitives delete_*;
    allow role=admin;
    deny  all;
}
`;

/** How to write the first control. */
export function FirstControl() {
  return (
    <section class="first-control" aria-label="How to write the first control">
      <h2>No control yet: how to write the first</h2>
      <p>
        A control says which calls are allowed. It stands in nginx.conf, in a <code>server</code> or a <code>location</code> with <code>mcp_sessions on</code>. This one watches who calls tools that delete something:
      </p>
      <div class="advice">
        <pre>
          {SNIPPET}
          <Copy text={SNIPPET} what="these lines" label="Copy" />
        </pre>
      </div>
      <ol>
        <li>
          Roles come from <code>mcp_role</code>; without it no role is known, and every such call is denied. <code>ip=</code>, <code>user=</code> and <code>client=</code> are conditions as well.
        </li>
        <li>
          <code>nginx -t</code> says what is wrong, with the line; a reload puts it in force for the next call.
        </li>
        <li>In monitoring, calls pass and attacks are reported. Here stands how many it would have blocked.</li>
        <li>
          When only calls are left that should be stopped, write <code>mcp_mode block</code>.
        </li>
      </ol>
    </section>
  );
}
