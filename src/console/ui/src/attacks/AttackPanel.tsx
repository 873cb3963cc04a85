import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { changed, go, link, type Address } from "../address";
import { useAnswer } from "../api/hooks";
import type { AttackDetails } from "../api/shapes";
import { Copy } from "../parts/Copy";
import { Failure, Skeleton, Warnings } from "../parts/Notice";
import { Pane } from "../parts/Pane";
import { None, Text } from "../parts/Text";
import { Moment, useNow } from "../parts/time";
import { clientText } from "../sessions/cells";
import { EvidenceOf } from "./Evidence";
import { Times, Why } from "./Why";

/** One attack with its evidence, beside the list or on a page of its own. */
export function AttackPanel({ id, address, beside }: { id: string; address: Address; beside?: boolean }) {
  const answer = useAnswer<AttackDetails>(`attacks/${encodeURIComponent(id)}`, 0, true);
  const attack = answer.data;
  const body = useRef<HTMLDivElement>(null);
  useEffect(() => body.current?.parentElement?.scrollTo(0, 0), [attack?.id]);
  return (
    <Pane
      label="Attack"
      title={
        attack ? (
          <>
            <span class="bad">
              <Text of={attack.type} max={80} />
            </span>{" "}
            <Times of={attack.count} />
            <span class="dim">
              {" on "}
              <Text of={attack.server} max={80} />
            </span>
          </>
        ) : (
          "Attack"
        )
      }
      close={() => go(beside ? changed(address, { open: null }) : link("attacks"))}
      beside={beside === true}
      home="All attacks"
      alone={link("attack", id)}
    >
      {answer.problem && !attack ? (
        <Failure problem={answer.problem} again={answer.again} />
      ) : attack ? (
        <div ref={body} class="attack">
          <Warnings of={attack.warnings ?? []} />
          <div class={attack.action === "blocked" ? "attack-note" : "attack-note passed"}>
            <b>
              <Text of={attack.type} max={80} />, {attack.action}
            </b>
            <Why attack={attack} mode={attack.mode} />
          </div>
          <p class="steps">
            <a class="button" href={link("session", attack.session, { call: attack.call })}>
              The call in its session
            </a>
            <a class="button" href={link("session", attack.session)}>
              The session
            </a>
          </p>
          <Who attack={attack} />
          <EvidenceOf attack={attack} />
          {attack.text && (
            <section aria-label="The control as it was">
              <h3>
                The control as it was
                <span class="dim mono">
                  <Text of={attack.place ?? ""} max={200} />
                </span>
              </h3>
              <div class="lines">
                <pre tabIndex={0} role="group" aria-label="Text of the control">
                  <Text of={attack.text} lines max={20_000} />
                </pre>
                <Copy text={attack.text} what="the control" />
              </div>
            </section>
          )}
        </div>
      ) : (
        <Skeleton rows={10} />
      )}
    </Pane>
  );
}

function Who({ attack }: { attack: AttackDetails }) {
  const now = useNow();
  return (
    <dl class="facts two">
      <Fact name="Time">
        <Moment at={attack.at} now={now} />
        {(attack.count ?? 1) > 1 && (
          <small>
            to <Moment at={attack.last_at} now={now} />
          </small>
        )}
      </Fact>
      <Fact name="User">{attack.user ? <Text of={attack.user} max={200} /> : <None />}</Fact>
      <Fact name="Roles">{attack.roles.length ? <Text of={attack.roles.join(", ")} max={400} /> : <None />}</Fact>
      <Fact name="Client">{attack.client ? <Text of={clientText(attack.client)} max={200} /> : <None />}</Fact>
      <Fact name="Address">{attack.address ? <Text of={attack.address} max={80} /> : <None />}</Fact>
      <Fact name="Method">{attack.method ? <Text of={attack.method} max={200} /> : <None />}</Fact>
      <Fact name={attack.primitive ? (KINDS[attack.primitive.kind] ?? "Primitive") : "Primitive"}>
        {attack.primitive ? (
          <span class="mono wrap">
            <Text of={attack.primitive.name} max={400} />
          </span>
        ) : (
          <None />
        )}
      </Fact>
      <Fact name="MCP server">
        <Text of={attack.server} max={200} />
      </Fact>
    </dl>
  );
}

const KINDS: Record<string, string> = { tool: "Tool", resource: "Resource", prompt: "Prompt" };

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
