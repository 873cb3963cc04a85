import { useEffect } from "preact/hooks";
import { link, useAddress, type Address } from "./address";
import { Empty } from "./parts/Notice";
import { SessionsPage } from "./sessions/SessionsPage";

const VIEWS: { name: string; title: string; page: (props: { address: Address }) => preact.JSX.Element }[] = [
  { name: "sessions", title: "MCP Sessions", page: SessionsPage },
];

/** The frame: where one is, and where else one can go. */
export function App() {
  const address = useAddress();
  const view = VIEWS.find((known) => known.name === address.view);
  useEffect(() => {
    document.title = view ? (view.name === "sessions" ? view.title : `${view.title} · MCP Sessions`) : "MCP Sessions";
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
          <span>MCP Sessions</span>
        </a>
        <nav aria-label="Views">
          {VIEWS.map(({ name, title }) => (
            <a key={name} href={link(name, null, time)} aria-current={name === address.view ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {Page ? (
          <Page address={address} />
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
