import { link, type Address } from "../address";
import { Empty } from "../parts/Notice";
import { AttackPanel } from "./AttackPanel";

/** An attack on a page of its own: where a shared link leads. */
export function AttackPage({ address }: { address: Address }) {
  if (address.id) return <AttackPanel key={address.id} id={address.id} address={address} />;
  return (
    <Empty title="The link names no attack">
      <p class="steps">
        <a class="button" href={link("attacks")}>
          Attacks
        </a>
      </p>
    </Empty>
  );
}
