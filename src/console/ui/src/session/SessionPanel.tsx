import type { RefObject } from "preact";
import type { Address } from "../address";

export function SessionPanel(_: { id: string; address: Address; beside?: RefObject<HTMLElement | null> }) {
  return null;
}
