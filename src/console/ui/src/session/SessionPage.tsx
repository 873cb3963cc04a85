import { link, type Address } from "../address";
import { Empty } from "../parts/Notice";
import { SessionPanel } from "./SessionPanel";

/** A session on a page of its own: where a shared link leads. */
export function SessionPage({ address }: { address: Address }) {
  if (!address.id) {
    return (
      <Empty title="The link names no session">
        <p class="steps">
          <a class="button" href={link("sessions")}>
            MCP Sessions
          </a>
        </p>
      </Empty>
    );
  }
  return (
    <div class="session-page">
      <SessionPanel key={address.id} id={address.id} address={address} />
    </div>
  );
}
