//! The first page and the first steps.

use super::html::Page;

pub(super) fn page() -> Page {
    let mut page = Page::new("Ally");
    page.raw(
        r#"<section class="wide hero">
<h1>An assistant that remembers, and shows you its books</h1>
<p class="lead">Ally chats with you, keeps what you tell it in plain files, and shows each step where it happens. It runs on
a machine you choose, in a private space of your own.</p>
<p class="actions"><a class="button" href="/app/sign-up">Sign up</a> <a class="quiet" href="/app/sign-in">Sign in</a></p>
</section>
<section class="wide">
<h2>What a few minutes look like</h2>
<ol class="rail">
<li><b>You write.</b> “Remember that Ana is allergic to nuts.”</li>
<li><b>Ally writes it down</b> in a plain text file. You see the words at once, and can undo them.</li>
<li><b>You close the tab</b> in the middle of an answer. The answer goes on; nothing is lost.</li>
<li><b>You ask later</b>: “What do you know about Ana?” Ally searches your notes and chats, and shows you that it did.</li>
<li><b>You say stop</b>, from whichever device is at hand, and it stops there.</li>
</ol>
</section>
<section class="wide">
<h2>How your things stay yours</h2>
<div class="cards">
<div><h3>A space of your own</h3><p>Your chats, notes and keys live in a process, a directory and a database that
belong to you alone. Nobody else’s assistant can reach them.</p></div>
<div><h3>The accounts never see a word</h3><p>The part that signs you in has no code that could hold a message. It
knows your address, the name you gave, and where you are signed in.</p></div>
<div><h3>No advertising, no training</h3><p>Ally sells nothing you write, shows it to no advertiser and trains no model on it. The
<a href="/legal/privacy">privacy page</a> is made from the same list the program uses.</p></div>
<div><h3>Your choice of model</h3><p>Connect your own key, or a model on your own machine. Without one, a few built-in
commands answer, and say that they are no AI.</p></div>
</div>
</section>
<section class="wide">
<h2>Where it stands</h2>
<p>This is the beginning: chat, memory, models of your choice, and accounts for several people. Ally cannot yet send
mail, read your calendar or act on a schedule. The <a href="/changelog">changelog</a> says what is new.</p>
</section>
"#,
    );
    page
}

pub(super) fn docs() -> Page {
    let mut page = Page::new("First steps");
    page.raw(
        r#"<article>
<h1>First steps</h1>
<p>You need a browser, and nothing else. No key and no other account is asked for.</p>
<h2>1. Sign up</h2>
<p><a href="/app/sign-up">Sign up</a> with an e-mail address and a password of at least 12 characters. The first account
of an installation administers it. If other people can reach the machine, the first account also needs the code that
was printed in the terminal. After that nobody can sign up until the administrator opens sign-up or makes an
invitation link in Settings.</p>
<h2>2. Write</h2>
<p>Without an AI provider the built-in commands answer, marked “Built-in command · no AI”:</p>
<ul>
<li>“remember that …” writes a note</li>
<li>“what do you know about …” looks through your notes and chats</li>
<li>“forget …” takes a note back</li>
<li>“what time is it in …” tells the time</li>
<li>“help” lists them</li>
</ul>
<p>Anything else is saved. Once a provider is connected, press “Answer it now”.</p>
<h2>3. Connect a model</h2>
<p>In Settings, paste a key. It is tested at once and kept sealed. A model server on the same machine is found by
itself. Whoever runs the installation can also set <code>ANTHROPIC_API_KEY</code> before starting it.</p>
<h2>4. Stop whenever you like</h2>
<p>Stop ends an answer, also from another device. “Stop my assistant now” in Settings ends your assistant’s process in the
middle of what it does; it starts again and finishes what was open, and nothing is done twice.</p>
<h2>If something is missing</h2>
<p>Run <code>ally doctor</code> on the machine. It says what is configured, what is missing, and what that disables.</p>
</article>
"#,
    );
    page
}
