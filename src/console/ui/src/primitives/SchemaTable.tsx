import { useMemo, useState } from "preact/hooks";
import { Tree } from "../json/Tree";
import { Text } from "../parts/Text";
import { count } from "../text/numbers";
import { rowsOf, type SchemaRow } from "./schema";

const ROWS_SHOWN = 60;
const INDENT_PX = 14;

/** A schema as a table of what may be passed, or as the JSON it is. */
export function SchemaTable({ schema, name }: { schema: unknown; name: string }) {
  const [raw, setRaw] = useState(false);
  const [shown, setShown] = useState(ROWS_SHOWN);
  const { rows, rules, isCut } = useMemo(() => rowsOf(schema), [schema]);
  if (schema === null || schema === undefined) return null;
  return (
    <section class="schema" aria-label={name}>
      <h3>
        {name}
        {rules.length > 0 && (
          <span class="dim rules">
            <Rules of={rules} />
          </span>
        )}
        <span class="grow" />
        <span class="switch" role="group" aria-label={`${name} as`}>
          <button type="button" class="tiny" aria-pressed={!raw} onClick={() => setRaw(false)}>
            Table
          </button>
          <button type="button" class="tiny" aria-pressed={raw} onClick={() => setRaw(true)}>
            JSON
          </button>
        </span>
      </h3>
      {raw ? (
        <Tree value={schema} name={`${name}, JSON`} />
      ) : rows.length === 0 ? (
        <p class="note">It names nothing that may be passed.</p>
      ) : (
        <table class="schema-table" aria-label={`${name}, table`}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Type</th>
              <th scope="col">What it is</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row, i) => (
              <Row key={i} row={row} />
            ))}
          </tbody>
        </table>
      )}
      {!raw && rows.length > shown && (
        <button type="button" class="tiny" onClick={() => setShown(Infinity)}>
          Show all {count(rows.length)} rows
        </button>
      )}
      {!raw && isCut && <p class="note">There is more in it than a table can show. JSON has all of it.</p>}
    </section>
  );
}

function Row({ row }: { row: SchemaRow }) {
  return (
    <tr>
      <th scope="row" class="wrap" style={{ paddingLeft: `${row.depth * INDENT_PX}px` }}>
        <span class={row.isWord ? "dim" : "mono"}>
          <Text of={row.name} max={200} />
        </span>
        {row.required && (
          <span class="tag need" title="It must be passed">
            required
          </span>
        )}
      </th>
      <td class="wrap">
        <Text of={row.type} max={120} />
      </td>
      <td class="wrap">
        {row.description && <Text of={row.description} lines max={1200} />}
        {row.rules.length > 0 && (
          <span class="rules">
            <Rules of={row.rules} />
          </span>
        )}
      </td>
    </tr>
  );
}

function Rules({ of }: { of: [string, string][] }) {
  return (
    <>
      {of.map(([name, value], i) => (
        <span key={i} class="rule">
          {name}
          {value !== "" && (
            <>
              {" "}
              <span class="mono">
                <Text of={value} max={420} />
              </span>
            </>
          )}
        </span>
      ))}
    </>
  );
}
