import { Icon } from "../parts/Icon";
import { Popover } from "../parts/Popover";
import { COLUMNS, columnsFor, rememberColumns } from "./columns";

/** Which columns there are: as many as fit, or those chosen here, remembered in this browser. */
export function ColumnMenu({ columns, set }: { columns: string[] | null; set: (columns: string[] | null) => void }) {
  const shown = columnsFor(document.documentElement.clientWidth, columns).map((column) => column.name);
  const choose = (names: string[] | null) => {
    rememberColumns(names);
    set(names);
  };
  const toggle = (name: string, on: boolean) => choose(COLUMNS.map((column) => column.name).filter((one) => (one === name ? on : shown.includes(one))));
  return (
    <Popover class="control square" title="Columns" label={<Icon name="columns" />} right>
      {() => (
        <div class="menu">
          {COLUMNS.map((column) => (
            <label key={column.name}>
              <input type="checkbox" checked={shown.includes(column.name)} disabled={shown.length === 1 && shown[0] === column.name} onChange={(event) => toggle(column.name, event.currentTarget.checked)} />
              {column.title}
            </label>
          ))}
          <button type="button" onClick={() => choose(null)} disabled={columns === null}>
            As many as fit
          </button>
        </div>
      )}
    </Popover>
  );
}
