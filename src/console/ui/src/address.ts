// The address is the state: every view is a link. It stands behind the `#`, so that the page works
// under any location, and so that names of users do not get into access logs.

import { useEffect, useState } from "preact/hooks";

/** `#/view/id?params` */
export interface Address {
  view: string;
  id: string | null;
  params: URLSearchParams;
}

export function parse(hash: string): Address {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split(/\?(.*)/s);
  const [view = "", ...rest] = path.split("/");
  const id = rest.join("/");
  return { view: view || "sessions", id: id ? decoded(id) : null, params: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function format(address: Address): string {
  const query = address.params.toString();
  return `#/${address.view}${address.id ? `/${encodeURIComponent(address.id)}` : ""}${query ? `?${query}` : ""}`;
}

/** A link to another view. */
export function link(view: string, id: string | null = null, params: Record<string, string | undefined> | URLSearchParams = {}): string {
  const query = params instanceof URLSearchParams ? params : new URLSearchParams();
  if (!(params instanceof URLSearchParams)) {
    for (const [name, value] of Object.entries(params)) if (value !== undefined) query.append(name, value);
  }
  return format({ view, id, params: query });
}

/** The link of an address with some parameters changed (`null` takes one away). */
export function changed(address: Address, changes: Record<string, string | string[] | null>): string {
  const params = new URLSearchParams(address.params);
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of value === null ? [] : [value].flat()) params.append(name, one);
  }
  return format({ ...address, params });
}

const listeners = new Set<() => void>();

/** Goes to an address; `replace` leaves no step to go back to. */
export function go(hash: string, replace = false): void {
  if (hash === location.hash) return;
  if (replace) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  for (const listener of listeners) listener();
}

if (typeof window !== "undefined") {
  const changedByBrowser = () => listeners.forEach((listener) => listener());
  window.addEventListener("hashchange", changedByBrowser);
  window.addEventListener("popstate", changedByBrowser);
}

export function useAddress(): Address {
  const [address, set] = useState(() => parse(location.hash));
  useEffect(() => {
    let last = location.hash;
    const listener = () => {
      if (location.hash === last) return;
      last = location.hash;
      set(parse(last));
    };
    listeners.add(listener);
    listener();
    return () => void listeners.delete(listener);
  }, []);
  return address;
}
