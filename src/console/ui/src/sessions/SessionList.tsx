import { changed, type Address } from "../address";
import type { Pages } from "../api/hooks";
import type { Part } from "../api/shapes";
import { RowList } from "../parts/RowList";
import { Line, None } from "../parts/Text";
import { Moment } from "../parts/time";
import { shortCount } from "../text/numbers";
import { visible } from "../text/visible";
import { clientText, Few, SessionId, Status, User } from "./cells";
import { columnsFor } from "./columns";
import { closed } from "./query";

interface Props {
  pages: Pages<Part>;
  address: Address;
  columns: string[] | null;
  /** Grows when the list is read anew. */
  tick: number;
}

/** Sessions, newest activity first. */
export function SessionList({ pages, address, columns, tick }: Props) {
  return (
    <RowList
      pages={pages}
      noun="session"
      name="sessions"
      label="Sessions, newest activity first"
      columnsFor={(width_px) => columnsFor(width_px, columns)}
      card={(part, now) => <Card part={part} now={now} />}
      says={(part) => visible(`session of ${part.user ?? "no user"} on ${part.server}`, 200)}
      open={address.params.get("session")}
      linkTo={(part) => changed(address, { ...closed(address.params), session: part.id })}
      follows={!address.params.has("call")}
      tick={tick}
    />
  );
}

function Card({ part, now }: { part: Part; now: Date }) {
  return (
    <>
      <span class="card-top">
        <Status part={part} />
        {part.user ? <User user={part.user} total={part.users_total} verified={null} /> : <span class="dim line">{clientText(part.client) || "no user"}</span>}
        <Moment at={part.last_at} now={now} />
      </span>
      <span class="card-mid">
        <Line of={part.server} />
        <span class="num">
          {part.matched !== undefined && part.matched < part.calls && `${shortCount(part.matched)} of `}
          {shortCount(part.calls)} {part.calls === 1 ? "call" : "calls"}
          {part.errors > 0 && <span class="warn"> · {shortCount(part.errors)} err</span>}
          {part.attacks > 0 && <span class="bad"> · {shortCount(part.attacks)} att</span>}
        </span>
      </span>
      <span class="card-low">
        {part.primitives.length ? <Few of={part.primitives.map((primitive) => primitive.name)} total={part.primitives_total} mono /> : part.id_source === "derived" ? <SessionId part={part} /> : <None />}
      </span>
    </>
  );
}
