import type { ListedAttack } from "../api/shapes";
import { fitting, type RowColumn } from "../parts/RowList";
import { Line, None, Text } from "../parts/Text";
import { Moment } from "../parts/time";
import { clientText, Few, User } from "../sessions/cells";
import { Action, controlName, Times } from "./Why";

function Type({ attack }: { attack: ListedAttack }) {
  return (
    <span class={attack.action === "blocked" ? "outcome bad blocked" : "outcome bad"}>
      <i />
      <span class="line">
        <Text of={attack.type} max={80} />
      </span>
      <Times of={attack.count} />
    </span>
  );
}

const COLUMNS: RowColumn<ListedAttack>[] = [
  { name: "at", title: "Time", width_px: 122, rank: 0, cell: (attack, now) => <Moment at={attack.at} now={now} /> },
  { name: "type", title: "Attack", width_px: 224, rank: 1, cell: (attack) => <Type attack={attack} /> },
  { name: "action", title: "Action", width_px: 74, rank: 2, cell: (attack) => <Action action={attack.action} /> },
  { name: "control", title: "Control", width_px: 140, grow: 2, rank: 3, cell: (attack) => <Line of={controlName(attack)} /> },
  { name: "detail", title: "Rule", width_px: 190, grow: 3, rank: 7, cell: (attack) => (attack.detail ? <Line of={attack.detail} /> : <None />) },
  { name: "user", title: "User", width_px: 160, grow: 2, rank: 4, cell: (attack) => <User user={attack.user} verified={null} /> },
  { name: "primitive", title: "Primitive", width_px: 130, grow: 2, rank: 5, cell: (attack) => (attack.primitive ? <Line of={attack.primitive.name} mono /> : attack.method ? <Line of={attack.method} /> : <None />) },
  { name: "server", title: "MCP server", width_px: 160, grow: 2, rank: 6, cell: (attack) => <Line of={attack.server} /> },
  { name: "point", title: "Where", hint: "The argument or header that the control objects to", width_px: 150, grow: 2, rank: 8, cell: (attack) => (attack.point ? <Line of={attack.point} mono /> : <None />) },
  { name: "client", title: "Client", width_px: 128, grow: 1, rank: 9, cell: (attack) => (attack.client ? <Line of={clientText(attack.client)} /> : <None />) },
  { name: "roles", title: "Roles", width_px: 128, grow: 1, rank: 10, cell: (attack) => <Few of={attack.roles} /> },
  { name: "address", title: "Address", width_px: 112, rank: 11, cell: (attack) => (attack.address ? <Line of={attack.address} mono /> : <None />) },
];

export const attackColumns = (width_px: number) => fitting(COLUMNS, width_px);

export function Card({ attack, now }: { attack: ListedAttack; now: Date }) {
  return (
    <>
      <span class="card-top">
        <Type attack={attack} />
        <span class="grow" />
        <Action action={attack.action} />
        <Moment at={attack.at} now={now} />
      </span>
      <span class="card-mid">
        <Line of={attack.user ?? "no user"} />
        <Line of={attack.server} />
      </span>
      <span class="card-low">
        <span class="chip mono">
          <Text of={attack.primitive?.name ?? attack.method ?? "–"} max={120} />
        </span>
        <span class="dim line">
          <Text of={controlName(attack)} max={120} />
        </span>
      </span>
    </>
  );
}
