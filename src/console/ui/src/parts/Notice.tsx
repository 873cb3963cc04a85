import { Component, type ComponentChildren } from "preact";
import { Problem } from "../api/client";
import type { Warning } from "../api/shapes";
import { Icon } from "./Icon";
import { Text } from "./Text";

/** What went wrong, and what to do about it. */
export function Failure({ problem, again }: { problem: Problem; again: () => void }) {
  return (
    <div class="notice failure" role="alert">
      <Icon name="warn" size={20} />
      <div>
        <h2>
          <Text of={headline(problem)} />
        </h2>
        <p>
          <Text of={problem.detail || advice(problem)} max={600} />
        </p>
        <button type="button" onClick={again}>
          <Icon name="again" /> Try again
        </button>
      </div>
    </div>
  );
}

function headline(problem: Problem): string {
  if (problem.status === 503) return "nginx is busy answering others";
  if (problem.status === 404) return "Not there any more";
  return problem.status ? `${problem.title} (${problem.status})` : problem.title;
}

function advice(problem: Problem): string {
  if (problem.status === 503) return "Too many questions are being answered at once. A shorter time range is quicker.";
  if (problem.status === 404) return "Days are kept for as long as mcp_sessions_store says (retention=); this one may have been removed.";
  if (problem.status === 401 || problem.status === 403) return "nginx does not let you in here. Log in again, or ask whoever keeps the console's location.";
  if (problem.status >= 500) return "nginx's error log says more.";
  return "Reload the page, or take back the last change.";
}

/** There is nothing, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="notice" role="status">
      <div>
        <h2>{title}</h2>
        {children}
      </div>
    </div>
  );
}

/** Lines that stand where rows will be. */
export function Skeleton({ rows = 12 }: { rows?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <div key={i}>
          <i />
          <i />
          <i />
        </div>
      ))}
    </div>
  );
}

/** Days that could not be read, as the answer says. */
export function Warnings({ of }: { of: Warning[] }) {
  if (!of.length) return null;
  return (
    <div class="warnings" role="status">
      <Icon name="warn" />
      <div>
        {of.slice(0, 8).map(({ day, message }) => (
          <p key={`${day} ${message}`}>
            {day && <b>{day} UTC is missing: </b>}
            <Text of={message} max={300} />
          </p>
        ))}
      </div>
    </div>
  );
}

interface GuardProps {
  /** With another one it is tried again. */
  of: string;
  children: ComponentChildren;
}

/** Keeps a mistake of one view from taking the page away. */
export class Guard extends Component<GuardProps, { error: unknown; at: string }> {
  override state = { error: null as unknown, at: "" };

  override componentDidCatch(error: unknown) {
    console.error(error);
    this.setState({ error, at: this.props.of });
  }

  override render({ of, children }: GuardProps) {
    if (this.state.error === null || this.state.at !== of) return children;
    const problem = new Problem(0, "The page made a mistake", `${String(this.state.error)}. The data is not affected. An older page may be at work with a newer nginx: reload it.`);
    return <Failure problem={problem} again={() => location.reload()} />;
  }
}
