import { useEffect } from "preact/hooks";
import { format, link, useAddress, type Address } from "./address";
import { AgentsPage } from "./agents/AgentsPage";
import { AttackPage } from "./attacks/AttackPage";
import { AttacksPage } from "./attacks/AttacksPage";
import { ControlsPage } from "./controls/ControlsPage";
import { Empty, Guard } from "./parts/Notice";
import { Popover } from "./parts/Popover";
import { RecorderPage } from "./recorder/RecorderPage";
import { ServersPage } from "./servers/ServersPage";
import { SessionPage } from "./session/SessionPage";
import { SessionsPage } from "./sessions/SessionsPage";

interface View {
  name: string;
  title: string;
  page: (props: { address: Address }) => preact.JSX.Element;
  /** Reached from other views only. */
  hidden?: boolean;
}

const VIEWS: View[] = [
  { name: "sessions", title: "MCP Sessions", page: SessionsPage },
  { name: "session", title: "Session", page: SessionPage, hidden: true },
  { name: "attacks", title: "Attacks", page: AttacksPage },
  { name: "attack", title: "Attack", page: AttackPage, hidden: true },
  { name: "controls", title: "Controls", page: ControlsPage },
  { name: "servers", title: "MCP servers", page: ServersPage },
  { name: "agents", title: "Agents", page: AgentsPage },
  { name: "recorder", title: "Recorder", page: RecorderPage },
];

const KEYS = [
  ["/", "Search"],
  ["↑ ↓ or k j", "Up and down in a list"],
  ["Enter", "Open"],
  ["Esc", "Close: the call, then the session"],
  ["← →", "In the chart: move; with Shift select, Enter shows it"],
];

function Keys() {
  return (
    <Popover class="control square plain" title="Keys" label={<span aria-hidden="true">?</span>} right>
      {() => (
        <dl class="keys">
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      )}
    </Popover>
  );
}

/** The frame: where one is, and where else one can go. */
export function App() {
  const address = useAddress();
  const view = VIEWS.find((known) => known.name === address.view);
  useEffect(() => {
    document.title = view ? (view.name === "sessions" ? view.title : `${view.title} · MCP Sessions`) : "MCP Sessions";
  }, [view]);
  useEffect(() => {
    // On a phone the views are a strip that scrolls.
    document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [view]);
  const Page = view?.page;
  // The time goes along from view to view.
  const time = new URLSearchParams([...address.params].filter(([name]) => ["range", "from", "to"].includes(name)));
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/sessions" aria-label="MCP Sessions for NGINX, start">
          <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
            <path d="M2 4.500h9M2 9h14M7 13.500h9" />
          </svg>
        </a>
        <nav aria-label="Views">
          {VIEWS.filter((one) => !one.hidden).map(({ name, title }) => (
            <a key={name} href={link(name, null, time)} aria-current={name === address.view || `${address.view}s` === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <span class="grow" />
        <Keys />
      </header>
      <main id="main" tabIndex={-1}>
        {Page ? (
          <Guard of={format(address)}>
            <Page address={address} />
          </Guard>
        ) : (
          <Empty title="There is no such view">
            <p>The link may be from another version of the console.</p>
            <p class="steps">
              <a class="button" href="#/sessions">
                MCP Sessions
              </a>
            </p>
          </Empty>
        )}
      </main>
    </>
  );
}
