import { createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import { Exact } from "../api/client";
import { Copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { Text } from "../parts/Text";
import { count, counted } from "../text/numbers";
import { visible, visibleJson } from "../text/visible";
import { isNoRoom, isShape, jsonInside, leftOut, marked } from "./marks";
import { below, entriesOf, placeOf, plain, search, type Found, type Path } from "./search";

/** Members that are drawn at once; further ones on demand. */
const MEMBERS_SHOWN = 100;
/** Characters of a text that are drawn at once. */
const TEXT_SHOWN = 600;
/** Up to so many places a document has no search of its own. */
const GLANCE = 12;
/** Levels that are open from the start, where there are few members. */
const OPEN_DEPTH = 3;
const OPEN_MEMBERS = 40;
/** Deeper levels are not indented further. */
const INDENT_MAX = 14;

interface Shared {
  shape: boolean;
  found: Found;
  current: Path | null;
  /** What someone opened or closed. */
  folds: Map<Path, boolean>;
  fold: (path: Path, open: boolean) => void;
}

const Context = createContext<Shared | null>(null);

/** A document as a tree that folds, can be searched and copied. */
export function Tree({ value, name, truncated, mark }: { value: unknown; name: string; truncated?: boolean; mark?: Path | null }) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [folds, setFolds] = useState<Map<Path, boolean>>(new Map());
  const shape = useMemo(() => isShape(value), [value]);
  // A place that is pointed at is shown as a match is, until something is searched for.
  const found = useMemo(() => (typed || !mark ? search(value, typed) : placeOf(mark)), [value, typed, mark]);
  const current = found.matches[at % Math.max(1, found.matches.length)] ?? null;
  // What can be seen at one glance needs no tools.
  const big = useMemo(() => typed !== "" || sizeOf(value) > GLANCE, [value, typed]);
  useEffect(() => setAt(0), [typed]);
  useEffect(() => {
    if (typed && current !== null) document.getElementById(idOf(name, current))?.scrollIntoView({ block: "nearest" });
  }, [current, found]);
  const shared: Shared = { shape, found, current, folds, fold: (path, open) => setFolds((old) => new Map(old).set(path, open)) };
  const all = (open: boolean) => setFolds(new Map(paths(value).map((path) => [path, open])));
  return (
    <section class="json" aria-label={name}>
      <header>
        <h3>{name}</h3>
        {shape && (
          <span class="tag" title="mcp_capture stores structure, types and lengths here, and no value">
            shape only
          </span>
        )}
        {truncated && (
          <span class="tag doubt" title="It was longer than mcp_capture's limit; what was cut is said where it was">
            truncated
          </span>
        )}
        <span class="grow" />
        {big && (
          <>
            <label class="json-search">
              <span class="sr">Search in {name}</span>
              <input
                type="search"
                placeholder="Search"
                value={typed}
                onInput={(event) => setTyped(event.currentTarget.value)}
                onKeyDown={(event) => {
                  if (event.key === "Enter" && found.matches.length) setAt((n) => (n + (event.shiftKey ? found.matches.length - 1 : 1)) % found.matches.length);
                  if (event.key === "Escape" && typed) {
                    event.stopPropagation();
                    setTyped("");
                  }
                }}
              />
              <span class="num dim" role="status">
                {typed ? (found.matches.length ? `${at + 1}/${count(found.matches.length)}` : "none") : ""}
              </span>
            </label>
            <button type="button" class="tiny" onClick={() => all(true)}>
              Unfold
            </button>
            <button type="button" class="tiny" onClick={() => all(false)}>
              Fold
            </button>
          </>
        )}
        <Copy text={() => visibleJson(JSON.stringify(value, null, 2))} what={name.toLowerCase()} />
      </header>
      <div class="json-body mono">
        <Context.Provider value={shared}>
          <Node id={name} value={value} label={null} path="" depth={0} />
        </Context.Provider>
      </div>
    </section>
  );
}

const idOf = (name: string, path: Path) => `json-${name}-${path}`;

const PATHS_MAX = 3000;

/** Places of a document, counted no further than matters. */
function sizeOf(root: unknown): number {
  const stack = [root];
  let size = 0;
  while (stack.length && size <= GLANCE) {
    size++;
    for (const [, value] of entriesOf(stack.pop()) ?? []) stack.push(value);
  }
  return size;
}

/** Every place that can be folded, the outermost first. */
function paths(root: unknown): Path[] {
  const found: Path[] = [];
  const queue: [Path, unknown][] = [["", root]];
  for (let next = queue.shift(); next && found.length < PATHS_MAX; next = queue.shift()) {
    const entries = entriesOf(next[1]);
    if (!entries) continue;
    found.push(next[0]);
    for (const [key, value] of entries) queue.push([below(next[0], key), value]);
  }
  return found;
}

interface NodeProps {
  id: string;
  value: unknown;
  label: string | number | null;
  path: Path;
  depth: number;
}

function Node({ id, value, label, path, depth }: NodeProps) {
  const shared = useContext(Context)!;
  const entries = entriesOf(value);
  const isMatch = shared.found.matches.length > 0 && shared.found.matches.includes(path);
  const state = `${isMatch ? " match" : ""}${shared.current === path ? " current" : ""}`;
  if (!entries) {
    const missing = leftOut(typeof label === "string" ? label : null, value);
    return (
      <div class={`json-line${state}`} id={idOf(id, path)}>
        {missing !== null ? (
          <span class="cut">… {counted(missing, "more", "more")}, cut when it was stored</span>
        ) : (
          <>
            <Label of={label} />
            <Leaf id={id} value={value} path={path} depth={depth} />
          </>
        )}
      </div>
    );
  }
  const isList = Array.isArray(value);
  const open = shared.folds.get(path) ?? (shared.found.above.has(path) || (depth < OPEN_DEPTH && entries.length <= OPEN_MEMBERS));
  return (
    <div class="json-node">
      <div class={`json-line${state}`} id={idOf(id, path)}>
        {entries.length > 0 ? (
          <button type="button" class="fold" aria-expanded={open} aria-label={`${label === null ? id : visible(String(label), 80)}: ${counted(entries.length, isList ? "item" : "member")}`} onClick={() => shared.fold(path, !open)}>
            <Icon name={open ? "down" : "right"} size={11} />
          </button>
        ) : null}
        <Label of={label} />
        <span class="punct">{isList ? "[" : "{"}</span>
        {!open && entries.length > 0 && <span class="dim"> {counted(entries.length, isList ? "item" : "member")} </span>}
        {(!open || entries.length === 0) && <span class="punct">{isList ? "]" : "}"}</span>}
        <Copy text={() => visibleJson(JSON.stringify(value, null, 2))} what="this part" />
      </div>
      {open && entries.length > 0 && <Members id={id} entries={entries} path={path} depth={depth} close={isList ? "]" : "}"} />}
    </div>
  );
}

function Members({ id, entries, path, depth, close }: { id: string; entries: [string | number, unknown][]; path: Path; depth: number; close: string }) {
  const shared = useContext(Context)!;
  const [shown, setShown] = useState(MEMBERS_SHOWN);
  // A match further on has to be drawn to be seen.
  const wanted = shared.current?.startsWith(`${path}/`) ? entries.findIndex(([key]) => shared.current === below(path, key) || shared.current?.startsWith(`${below(path, key)}/`)) : -1;
  const end = Math.max(shown, wanted + 1);
  return (
    <>
      <div class={depth < INDENT_MAX ? "json-in" : "json-deep"}>
        {entries.slice(0, end).map(([key, value]) => (
          <Node key={key} id={id} value={value} label={key} path={below(path, key)} depth={depth + 1} />
        ))}
        {entries.length > end && (
          <button type="button" class="tiny" onClick={() => setShown(end + MEMBERS_SHOWN * 5)}>
            Show more of {count(entries.length)}
          </button>
        )}
      </div>
      <div class="json-line punct">{close}</div>
    </>
  );
}

function Label({ of }: { of: string | number | null }) {
  if (of === null) return null;
  if (typeof of === "number") return <span class="index num">{of}:</span>;
  return (
    <span class="key-name">
      <Text of={of} max={300} />
      <span class="punct">:</span>
    </span>
  );
}

function Leaf({ id, value, path, depth }: { id: string; value: unknown; path: Path; depth: number }) {
  const shared = useContext(Context)!;
  if (value === null) return <span class="word">null</span>;
  if (typeof value === "boolean") return <span class="word">{String(value)}</span>;
  if (typeof value === "number" || value instanceof Exact) return <span class="number">{plain(value)}</span>;
  const text = plain(value);
  if (isNoRoom(value)) return <span class="cut">… no room was left for this value</span>;
  if (shared.shape) return <span class="shape">{text}</span>;
  return <Characters id={id} text={text} path={path} depth={depth} />;
}

function Characters({ id, text, path, depth }: { id: string; text: string; path: Path; depth: number }) {
  const [whole, setWhole] = useState(false);
  const [asJson, setAsJson] = useState(false);
  const inside = useMemo(() => jsonInside(text), [text]);
  const isLong = text.length > TEXT_SHOWN;
  const shown = whole || !isLong ? text : text.slice(0, TEXT_SHOWN);
  return (
    <>
      {!asJson && (
        <span class={text.includes("\n") ? "text lines" : "text"}>
          <span class="punct">"</span>
          {marked(shown).map((piece) =>
            piece.kind === "mask" ? (
              <span class="mask" title="Masked before it was stored">
                {piece.text}
              </span>
            ) : piece.kind === "cut" ? (
              <span class="cut" title="Cut before it was stored">
                {piece.text}
              </span>
            ) : (
              <Text of={piece.text} lines max={Infinity} />
            ),
          )}
          <span class="punct">"</span>
        </span>
      )}
      {isLong && !asJson && (
        <button type="button" class="tiny" onClick={() => setWhole(!whole)}>
          {whole ? "Show less" : `Show all ${count(text.length)} characters`}
        </button>
      )}
      {inside !== undefined && (
        <button type="button" class="tiny" aria-pressed={asJson} onClick={() => setAsJson(!asJson)} title="This text is JSON itself">
          {asJson ? "As text" : "As JSON"}
        </button>
      )}
      <Copy text={text} what="this text" />
      {asJson && (
        <div class="json-in inside">
          <Node id={id} value={inside} label={null} path={`${path}//`} depth={Math.min(depth, 1)} />
        </div>
      )}
    </>
  );
}
