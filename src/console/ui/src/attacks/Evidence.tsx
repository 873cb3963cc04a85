import { useMemo, useState } from "preact/hooks";
import { parseExactly } from "../api/client";
import type { AttackDetails } from "../api/shapes";
import { Tree } from "../json/Tree";
import { marked } from "../json/marks";
import { Copy } from "../parts/Copy";
import { Text } from "../parts/Text";
import { count } from "../text/numbers";
import { visibleJson } from "../text/visible";

const HEADERS_SHOWN = 40;
const BODY_SHOWN = 20_000;

/** The offending request as it came, masked. */
export function EvidenceOf({ attack }: { attack: AttackDetails }) {
  const evidence = attack.evidence;
  const [all, showAll] = useState(false);
  if (!evidence) return <p class="note">The request itself was not kept: mcp_capture says evidence=off, or another program found this.</p>;
  const pointed = /^header (.+)$/s.exec(attack.point ?? "")?.[1]?.toLowerCase();
  const headers = all ? evidence.headers : evidence.headers.slice(0, HEADERS_SHOWN);
  return (
    <section class="evidence" aria-label="Evidence">
      <h3>
        The request as it came
        <span class="tag" title="Credentials and what mcp_mask names were masked before it was stored">masked</span>
        {evidence.truncated && (
          <span class="tag doubt" title="It was longer than mcp_capture's evidence_limit">
            truncated
          </span>
        )}
      </h3>
      <p class="mono wrap request-line">
        <Text of={evidence.line} max={4000} />
      </p>
      <table class="conf mono headers" aria-label="Request headers">
        <tbody>
          {headers.map(([name, value], i) => (
            <tr key={i} class={name.toLowerCase() === pointed ? "match" : ""}>
              <th scope="row">
                <Text of={name} max={200} />
              </th>
              <td class="wrap">
                {marked(value).map((piece) => (piece.kind === "text" ? <Text of={piece.text} max={2000} /> : <span class={piece.kind}>{piece.text}</span>))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {headers.length < evidence.headers.length && (
        <button type="button" class="tiny" onClick={() => showAll(true)}>
          Show all {count(evidence.headers.length)} headers
        </button>
      )}
      <Body attack={attack} body={evidence.body} truncated={evidence.truncated} />
    </section>
  );
}

function Body({ attack, body, truncated }: { attack: AttackDetails; body: unknown; truncated: boolean }) {
  const text = typeof body === "string" ? body : body === null || body === undefined ? "" : JSON.stringify(body, null, 2);
  const value = useMemo(() => (typeof body === "string" ? parsed(body) : (body ?? undefined)), [body]);
  // A tree shows what one reader made of it, and a protocol violation is what readers differ about.
  const [asText, setAsText] = useState(value === undefined || attack.type === "Protocol violation");
  if (!text) return <p class="note">It had no body, or none that was kept.</p>;
  return (
    <>
      {value !== undefined && (
        <div class="switch" role="group" aria-label="Body as">
          <button type="button" class="tiny" aria-pressed={!asText} onClick={() => setAsText(false)}>
            Tree
          </button>
          <button type="button" class="tiny" aria-pressed={asText} onClick={() => setAsText(true)}>
            Text
          </button>
        </div>
      )}
      {asText ? (
        <section class="json" aria-label="Body">
          <header>
            <h3>Body</h3>
            <span class="grow" />
            <Copy text={() => visibleJson(text)} what="body" />
          </header>
          <pre class="raw" tabIndex={0} role="group" aria-label="Body, as text">
            <Text of={text} lines max={BODY_SHOWN} />
          </pre>
        </section>
      ) : (
        <Tree value={value} name="Body" truncated={truncated} mark={attack.point?.startsWith("/") ? attack.point : null} />
      )}
    </>
  );
}

function parsed(text: string): unknown {
  const first = text.trimStart()[0];
  if (first !== "{" && first !== "[") return undefined;
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
