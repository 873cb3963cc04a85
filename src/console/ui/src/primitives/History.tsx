import { useMemo, useState } from "preact/hooks";
import { useAnswer } from "../api/hooks";
import type { List, Version } from "../api/shapes";
import { Failure, Skeleton } from "../parts/Notice";
import { Text } from "../parts/Text";
import { Moment } from "../parts/time";
import { count, counted } from "../text/numbers";
import { diff, type DiffLine } from "./diff";

const VERSIONS_SHOWN = 20;
const LINES_SHOWN = 200;

/** What is compared, what it is called, and how it is read as text. */
const PARTS: [keyof Version, string][] = [
  ["title", "Title"],
  ["description", "Description"],
  ["input_schema", "Input schema"],
  ["output_schema", "Output schema"],
  ["annotations", "Annotations"],
];

/** Names of primitives hold slashes, and nginx decodes paths: they go into the query. */
export function historyPath(server: string, kind: string, name: string): string {
  return `servers/${encodeURIComponent(server)}/history?${new URLSearchParams({ kind, name })}`;
}

/** What a primitive was listed as before, with what changed. */
export function History({ server, kind, name, now }: { server: string; kind: string; name: string; now: Date }) {
  const answer = useAnswer<List<Version>>(historyPath(server, kind, name));
  const [shown, setShown] = useState(VERSIONS_SHOWN);
  const versions = answer.data?.items ?? [];
  if (answer.problem && !answer.data) return <Failure problem={answer.problem} again={answer.again} />;
  if (!answer.data) return <Skeleton rows={3} />;
  return (
    <ol class="history" aria-label="Versions">
      {versions.slice(0, shown).map((version, i) => (
        <li key={i}>
          <Entry version={version} before={versions[i + 1]} now={now} open={i === 0} />
        </li>
      ))}
      {versions.length > shown && (
        <li>
          <button type="button" class="tiny" onClick={() => setShown(Infinity)}>
            Show all {count(versions.length)} versions
          </button>
        </li>
      )}
    </ol>
  );
}

function Entry({ version, before, now, open }: { version: Version; before: Version | undefined; now: Date; open: boolean }) {
  const [isOpen, set] = useState(open);
  const changed = before ? PARTS.filter(([part]) => version.changed.includes(part)) : [];
  const head = (
    <>
      <Moment at={version.seen_at} now={now} />
      <span class="dim">{before ? (changed.length ? `${changed.map(([, title]) => title.toLowerCase()).join(", ")} changed` : "listed again") : "first seen"}</span>
      {version.replaced_at === null && <span class="tag">present</span>}
    </>
  );
  if (!before || !changed.length) return <p class="version">{head}</p>;
  return (
    <details open={isOpen} onToggle={(event) => set(event.currentTarget.open)}>
      <summary class="version">{head}</summary>
      {isOpen && changed.map(([part, title]) => <Difference key={part} title={title} before={textOf(before[part])} after={textOf(version[part])} />)}
    </details>
  );
}

/** A value as text that can be compared line by line. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  try {
    return JSON.stringify(value, null, 2) ?? "";
  } catch {
    return "(nested too deep to be shown)";
  }
}

const SIGNS = { same: " ", old: "−", new: "+" } as const;
const WORDS = { same: "", old: "before: ", new: "now: " } as const;

/** Two texts, line by line. */
export function Difference({ title, before, after }: { title: string; before: string; after: string }) {
  const found = useMemo(() => diff(before, after), [before, after]);
  const [shown, setShown] = useState(LINES_SHOWN);
  return (
    <section class="diff" aria-label={`${title}: what changed`}>
      <h4>
        {title}
        {found.isRough && <span class="dim">too much changed to be compared</span>}
      </h4>
      <div class="diff-lines mono" tabIndex={0} role="group" aria-label={`${title}, line by line`}>
        {found.lines.slice(0, shown).map((line, i) => (
          <Line key={i} line={line} />
        ))}
        {found.lines.length > shown && (
          <button type="button" class="tiny" onClick={() => setShown(shown + LINES_SHOWN * 5)}>
            Show more of {counted(found.lines.length, "line")}
          </button>
        )}
        {found.left_out > 0 && <p class="dim">{counted(found.left_out, "line")} more were not looked at</p>}
      </div>
    </section>
  );
}

function Line({ line }: { line: DiffLine }) {
  if (line.skipped > 0) return <p class="skipped">{counted(line.skipped, "equal line")}</p>;
  return (
    <p class={`diff-line ${line.kind}`}>
      <span class="sign" aria-hidden="true">
        {SIGNS[line.kind]}
      </span>
      <span class="sr">{WORDS[line.kind]}</span>
      <span class="wrap">
        {line.words.map((word, i) =>
          word.differs ? (
            <mark key={i}>
              <Text of={word.text} max={8000} />
            </mark>
          ) : (
            <Text key={i} of={word.text} max={8000} />
          ),
        )}
      </span>
    </p>
  );
}
