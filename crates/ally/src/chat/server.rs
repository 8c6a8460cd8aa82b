//! The server as a browser sees it: requests with a session, signing in and out.

use super::address::Address;
use super::pauses::Pauses;
use super::session::Place;
use super::terminal::Terminal;
use super::{Fault, clean};
use ally_http::Cookie;
use ally_http::cookie::Transport;
use ally_types::{Problem, Secret, SystemChance, chance};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::time::Duration;

/// More than any answer holds.
const LONGEST_BODY: usize = 64 << 20;
/// So long an answer may take to begin.
const WITHIN: Duration = Duration::from_secs(30);
/// So long it may take where a file is sent first.
const FILE_WITHIN: Duration = Duration::from_secs(600);
/// So often a wrong password may be typed.
const TRIES: u32 = 3;

/// A server, and who is asking.
pub(super) struct Server {
    client: reqwest::Client,
    origin: String,
    who: RefCell<Who>,
    /// Where the session is kept; not with `ALLY_TOKEN`.
    place: Option<Place>,
}

/// What goes with every request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Nobody,
    /// As a browser does.
    Session(Secret),
    /// An API key, as a bearer.
    Key(Secret),
}

/// What is asked.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) body: Option<Value>,
    /// A file in its place.
    pub(super) file: Option<Vec<u8>>,
    /// More headers.
    pub(super) headers: HeaderMap,
}

impl<'a> Asked<'a> {
    /// Reads something.
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: Method::GET, path, body: None, file: None, headers: HeaderMap::new() }
    }

    /// Has something done.
    pub(super) fn post(path: &'a str, body: Value) -> Self {
        Self { method: Method::POST, path, body: Some(body), file: None, headers: HeaderMap::new() }
    }

    /// Has something made, once, however often it is asked.
    pub(super) fn make(path: &'a str, body: Value) -> Self {
        let mut asked = Self::post(path, body);
        let key = HeaderValue::from_str(&chance::hex::<16>(&SystemChance)).expect("hexadecimal is a header");
        asked.headers.insert("idempotency-key", key);
        asked
    }

    /// The same of a file.
    pub(super) fn make_of(path: &'a str, file: Vec<u8>) -> Self {
        Self { body: None, file: Some(file), ..Self::make(path, Value::Null) }
    }
}

impl Server {
    /// A server whose session is kept here.
    pub(super) fn with_session(address: &Address, place: Place) -> Result<Self, Fault> {
        place.clean();
        let who = place.read()?.map_or(Who::Nobody, Who::Session);
        if matches!(who, Who::Nobody) && !address.is_trusted {
            return Err(Fault::said(
                "The server is named by a file of this directory, so nobody is asked for a password here.",
                "To sign in there, name the server with --server or ALLY_SERVER.",
            ));
        }
        Self::new(address, who, Some(place))
    }

    /// A server that is shown what stands in `ALLY_TOKEN`: an API key begins with `ally_`, all else is a session.
    pub(super) fn with_token(address: &Address, token: &str) -> Result<Self, Fault> {
        if !address.is_trusted {
            return Err(Fault::said(
                "The server is named by a file of this directory, so ALLY_TOKEN is not sent to it.",
                "Name the server with --server or ALLY_SERVER.",
            ));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b';' | b',')) {
            return Err(Fault::said("What stands in ALLY_TOKEN is no token.", "Copy it again, without quotes."));
        }
        let who =
            if token.starts_with("ally_") { Who::Key(Secret::new(token)) } else { Who::Session(Secret::new(token)) };
        Self::new(address, who, None)
    }

    fn new(address: &Address, who: Who, place: Option<Place>) -> Result<Self, Fault> {
        let client = crate::client::build().map_err(|_| {
            Fault::said(
                "The certificates of this machine cannot be read.",
                "Install them; on Debian the package is ca-certificates.",
            )
        })?;
        Ok(Self { client, origin: address.origin.clone(), who: RefCell::new(who), place })
    }

    /// Where it is.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether nobody is signed in, as far as is known here.
    pub(super) fn is_signed_out(&self) -> bool {
        *self.who.borrow() == Who::Nobody
    }

    /// Asks, signing in where that is needed.
    pub(super) async fn call<T: DeserializeOwned>(&self, asked: Asked<'_>) -> Result<T, Fault> {
        let mut pauses = Pauses::default();
        // What is made only once may be asked again when the answer was lost.
        let is_safe = asked.headers.contains_key("idempotency-key");
        let answer = loop {
            match self.answered(&asked).await {
                Err(Fault::SignedOut) => self.sign_in().await?,
                Err(Fault::Broken) if is_safe && pauses.wait().await => {}
                other => break other?,
            }
        };
        serde_json::from_slice(&answer).map_err(|_| self.no_ally())
    }

    /// Asks once, and reads the whole answer.
    pub(super) async fn answered(&self, asked: &Asked<'_>) -> Result<Vec<u8>, Fault> {
        read(self.send(asked).await?).await
    }

    /// Asks once; what comes back has succeeded and is not read yet.
    pub(super) async fn send(&self, asked: &Asked<'_>) -> Result<reqwest::Response, Fault> {
        let mut request = self.client.request(asked.method.clone(), format!("{}{}", self.origin, asked.path));
        // As a browser does: the server refuses what a page of another site may have caused.
        request = request.header(header::ORIGIN, &self.origin).headers(asked.headers.clone());
        match &*self.who.borrow() {
            Who::Nobody => {}
            Who::Session(token) => {
                let name = Cookie::Session.name(Transport::of(&self.origin));
                request = request.header(header::COOKIE, secret(format!("{name}={}", token.expose()))?);
            }
            Who::Key(key) => {
                request = request.header(header::AUTHORIZATION, secret(format!("Bearer {}", key.expose()))?);
            }
        }
        if let Some(body) = &asked.body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let mut within = WITHIN;
        if let Some(file) = &asked.file {
            request = request.header(header::CONTENT_TYPE, "application/octet-stream").body(file.clone());
            within = FILE_WITHIN;
        }
        let answer = tokio::time::timeout(within, request.send()).await.map_err(|_| Fault::Broken)?;
        let answer = answer.map_err(|_| Fault::Broken)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        if answer.status() == StatusCode::UNAUTHORIZED && asked.path != SIGN_IN {
            return Err(Fault::SignedOut);
        }
        let body = read(answer).await?;
        Err(serde_json::from_slice::<Problem>(&body).map_or_else(|_| self.no_ally(), Fault::Problem))
    }

    fn no_ally(&self) -> Fault {
        Fault::said(
            format!("Something answers at {}, but not as Ally does.", self.origin),
            "Check the address; --server or ALLY_SERVER names another one.",
        )
    }

    /// Asks for address and password at the terminal until they are right.
    pub(super) async fn sign_in(&self) -> Result<(), Fault> {
        let Some(place) = &self.place else {
            return Err(Fault::said(
                format!("{} does not accept what stands in ALLY_TOKEN.", self.origin),
                "Put a valid session or key there, or unset it and sign in.",
            ));
        };
        let said = if self.is_signed_out() { "You are not signed in" } else { "Your session has ended" };
        let Some(mut terminal) = Terminal::open() else {
            return Err(Fault::said(
                format!("{said} at {}.", self.origin),
                "Run `ally chat` in a terminal to sign in, or give ALLY_TOKEN.",
            ));
        };
        terminal.say(&format!("{said} at {}. Sign in:", self.origin));
        *self.who.borrow_mut() = Who::Nobody;
        for _ in 0..TRIES {
            let email = terminal.ask("E-mail: ")?;
            let password = terminal.ask_secret("Password: ")?;
            match self.try_sign_in(email.trim(), &password).await {
                Ok(session) => {
                    place.write(&session)?;
                    *self.who.borrow_mut() = Who::Session(session);
                    return Ok(());
                }
                Err(Fault::Problem(problem)) if matches!(problem.status, 401 | 422) => {
                    terminal.say(&clean::one_line(&problem.title, 200));
                    terminal.say(&clean::one_line(problem.next_step.as_deref().unwrap_or_default(), 200));
                }
                Err(other) => return Err(other),
            }
        }
        Err(Fault::said("You are not signed in.", "Check your address and password, and run `ally chat` again."))
    }

    async fn try_sign_in(&self, email: &str, password: &Secret) -> Result<Secret, Fault> {
        let asked = Asked::post(SIGN_IN, json!({ "email": email, "password": password.expose() }));
        let answer = self.send(&asked).await?;
        self.cookie(answer.headers()).ok_or_else(|| self.no_ally())
    }

    /// The session that an answer sets.
    fn cookie(&self, headers: &HeaderMap) -> Option<Secret> {
        let name = Cookie::Session.name(Transport::of(&self.origin));
        headers.get_all(header::SET_COOKIE).iter().find_map(|line| {
            let pair = line.to_str().ok()?.split(';').next()?;
            let (key, value) = pair.split_once('=')?;
            (key == name && !value.is_empty()).then(|| Secret::new(value))
        })
    }

    /// Ends the session there and forgets it here. Says whether there was one.
    pub(super) async fn sign_out(&self) -> Result<bool, Fault> {
        let Some(place) = self.place.as_ref().filter(|_| !self.is_signed_out()) else { return Ok(false) };
        match self.answered(&Asked::post("/api/v1/auth/sign-out", json!({}))).await {
            // It was over already.
            Ok(_) | Err(Fault::SignedOut) => {}
            Err(other) => return Err(other),
        }
        place.remove()?;
        *self.who.borrow_mut() = Who::Nobody;
        Ok(true)
    }
}

const SIGN_IN: &str = "/api/v1/auth/sign-in";

fn secret(text: String) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Fault::said("The session that is kept is no session.", "Run `ally chat --sign-out`."))?;
    value.set_sensitive(true);
    Ok(value)
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, Fault> {
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(|_| Fault::Broken)? {
        if body.len() + piece.len() > LONGEST_BODY {
            return Err(Fault::Broken);
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}
