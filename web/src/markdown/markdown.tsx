// A text of Markdown on the page; it may still be growing.
import { memo, useState } from "react";
import { BlockCache, type Token } from "./blocks";
import { renderBlock } from "./render";

export function Markdown({ text }: { text: string }) {
  const [cache] = useState(() => new BlockCache());
  return (
    <div className="md">
      {cache.update(text).map((token, at) => (
        <Block key={at} token={token} />
      ))}
    </div>
  );
}

/** A frozen block is the same token each time, so React leaves it alone. */
const Block = memo(function Block({ token }: { token: Token }) {
  return <div className="md-block">{renderBlock(token)}</div>;
});
