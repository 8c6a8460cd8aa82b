// A text of Markdown on the page; it may still be growing.
import { memo, useState } from "react";
import { BlockCache, type Token } from "./blocks";
import type { FootnoteToken } from "./extensions";
import { FootnoteList, Footnotes } from "./footnotes";
import { blocks, renderBlock } from "./render";

export function Markdown({ text }: { text: string }) {
  const [cache] = useState(() => new BlockCache());
  const all = cache.update(text);
  const notes = all.filter((token): token is FootnoteToken => token.type === "footnote");
  return (
    <div className="md">
      <Footnotes tokens={notes}>
        {all.map((token, at) => (token.type === "footnote" ? null : <Block key={at} token={token} />))}
        {notes.length > 0 && <FootnoteList tokens={notes} content={(note) => blocks(note.tokens)} />}
      </Footnotes>
    </div>
  );
}

/** A frozen block is the same token each time, so React leaves it alone. */
const Block = memo(function Block({ token }: { token: Token }) {
  return <div className="md-block">{renderBlock(token)}</div>;
});
