//! The card form: shown, filled in wrongly, or submitted.

mod card_form;

use super::cart::Bought;
use super::finish;
use super::respond;
use super::style;
use super::view::{self, CardForm, PayPage};
use super::visit::{Visit, WordsQuery};
use crate::app::App;
use crate::cards_in_hand::Card;
use crate::run::RunError;
use crate::simulator::cards::hints;
use crate::submit::{Authenticate, Submission, Submitted};
use crate::threeds::Channel;
use crate::threeds::browser::Visitor;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use card_form::{Checked, Choice, Faults, Typed};
use payments::card::{Brand, Gateway};
use payments::decide::Refused;
use payments::decline::DeclineClass;
use payments::transaction::{State as Stands, Transaction};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/connect/{session}/", get(show).post(submit))
        .route("/connect/{session}", get(show).post(submit))
}

/// `GET /connect/{session}/`.
async fn show(State(app): State<App>, Path(session): Path<String>, words: WordsQuery) -> Response {
    let visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    app.count_view(&visit);
    if let Some(moving) = visit.order.open().filter(|open| open.is_money_moving()) {
        return respond::redirect(&visit.address(&visit.return_path(moving.id)));
    }
    if let Some(refused) = visit.obstacle(app.now()) {
        return visit.refused(refused);
    }
    let Some(newest) = visit.order.transactions.last() else {
        return form(&app, &visit, StatusCode::OK, CardForm::default(), None, None);
    };
    let mut notice = decline_text(&visit, newest).map(str::to_owned);
    if newest.is_authenticating() && app.took_too_long(visit.site.id, newest.id).await {
        notice = Some(visit.locale.texts.decline.timed_out.clone());
    }
    if let Some(notice) = &mut notice
        && newest.authentication.is_some()
        && let Some(words) = app.words_of_issuer(visit.site.id, newest.id).await
    {
        // A text from outside, which may be written in the other direction.
        let says = &visit.locale.texts.issuer.says;
        notice.push_str(&format!(" {says} \u{2068}{words}\u{2069}"));
    }
    form(&app, &visit, StatusCode::OK, CardForm::default(), notice.as_deref(), None)
}

/// `POST /connect/{session}/`: the customer pays.
async fn submit(
    State(app): State<App>,
    Path(session): Path<String>,
    words: WordsQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let typed = Typed::read(&body);
    let mut visit = match app.visit(&session, words).await {
        Ok(visit) => visit,
        Err(instead) => return instead,
    };
    visit.popup = typed.popup && visit.details.payment_options.close_window;
    if is_cross_site(&headers) {
        return visit.ended(StatusCode::FORBIDDEN, view::Outcome::Refused);
    }
    if let Some(refused) = visit.obstacle(app.now()) {
        return visit.refused(refused);
    }
    let Checked { card, holder, choice } = match typed.check(&app, &visit) {
        Ok(checked) => checked,
        Err(faults) => return again(&app, &visit, &typed, &faults),
    };
    let Some(brand) = choice.made else {
        let form_again = typed.form(&Faults::default(), visit.locale);
        return form(&app, &visit, StatusCode::OK, form_again, None, Some(&choice));
    };
    let visitor = Visitor::at_page(&visit, &headers, &typed.browser);
    match app.pay(&visit, card, brand, holder, visitor).await {
        Ok(Next::Address(next)) => respond::redirect(&next),
        Ok(Next::Wait(next)) => finish::checking(&visit, &next, 0),
        Err(RunError::Refused(Refused::PaymentInProgress)) => {
            finish::checking(&visit, &visit.address(&visit.path()), 0)
        }
        Err(RunError::Refused(refused)) => visit.refused(refused),
        Err(RunError::NotFound) => visit.refused(Refused::UnknownTransaction),
        Err(RunError::Failed(error)) => visit.failed(&error),
    }
}

impl App {
    /// Counts an opened page. The customer does not wait for it.
    fn count_view(&self, visit: &Visit) {
        let (app, session, order) = (self.clone(), visit.session.clone(), visit.order.id.clone());
        self.underway.spawn(async move {
            if let Err(error) = app.store.count_view(&session, &order).await {
                tracing::warn!(%error, "an opened page could not be counted");
            }
        });
    }

    /// Submits the customer's card; where they go next.
    async fn pay(
        &self,
        visit: &Visit,
        card: Card,
        brand: Brand,
        holder: String,
        visitor: Visitor,
    ) -> Result<Next, RunError> {
        let submission = Submission {
            session: Some(visit.session.clone()),
            card,
            brand,
            holder,
            channel: Channel::Page,
            visitor,
            authenticate: Authenticate::First,
            token: None,
        };
        Ok(match self.submit(&visit.site, &visit.order, submission).await? {
            Submitted::Challenge(_, _, path) => Next::Address(visit.address(&path)),
            Submitted::Decided(order, id) => {
                let back = visit.address(&visit.return_path(id));
                let moving = order.transaction(id).is_some_and(Transaction::is_money_moving);
                if moving { Next::Wait(back) } else { Next::Address(back) }
            }
        })
    }
}

/// Where the customer goes after submitting a card.
enum Next {
    /// To another page of ours.
    Address(String),
    /// Through the page that says "being checked": from there on it is no form's doing, so that the shop may
    /// redirect as it likes without Chromium holding it to this page's `form-action`.
    Wait(String),
}

/// A form that another site's page submitted is not the customer's. Browsers say so themselves.
pub(crate) fn is_cross_site(headers: &HeaderMap) -> bool {
    let said = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    said.is_some_and(|site| !matches!(site, "same-origin" | "none"))
}

/// The form with what is wrong; what was chosen, or offered and accepted, stays.
fn again(app: &App, visit: &Visit, typed: &Typed, faults: &Faults) -> Response {
    let choice = typed.choice_again(app, visit);
    let choice = choice.filter(|choice| choice.brands.len() > 1 || choice.made.is_some());
    let form_again = typed.form(faults, visit.locale);
    form(app, visit, StatusCode::UNPROCESSABLE_ENTITY, form_again, None, choice.as_ref())
}

fn form(
    app: &App,
    visit: &Visit,
    status: StatusCode,
    form: CardForm<'_>,
    notice: Option<&str>,
    choice: Option<&Choice>,
) -> Response {
    let ordered = visit.ordered();
    let all = visit.brands();
    let mut shown: Vec<Brand> = all.iter().copied().filter(|brand| ordered.takes(*brand)).collect();
    // With one ordered brand the page is about that one, whatever else it could take.
    if let Gateway::Brand(brand) = ordered {
        shown = vec![brand];
    }
    let marks: Vec<view::Brand> = shown.iter().map(|brand| mark(*brand)).collect();
    let test_cards = if visit.site.live { Vec::new() } else { hints(&app.settings.ranges, &shown) };
    let offered = choice.and_then(|choice| choice.offer(ordered));
    let options = options(app, &all, ordered, choice);
    let path = visit.path();
    let action = visit.address(&path);
    let switches = visit.switches();
    let styled = visit.template().is_some_and(style::has_colours);
    let style_href = styled.then(|| format!("{path}style.css"));
    let bought = Bought::of(&visit.details, visit.order.terms.amount, visit.locale);
    // The way to the other brands, where there are any.
    let others = shown.len() == 1 && all.len() > 1 && !visit.all_methods && !switches.hide_btn_all_methods;
    let all_methods_href = others.then(|| format!("{action}&methods=all"));
    let cancel = visit.address(&format!("{path}cancel"));
    let page = PayPage {
        locale: visit.locale,
        test: !visit.site.live,
        order: visit.summary(),
        action: &action,
        cancel_href: &cancel,
        cancel_leads_to_shop: visit.cancel_target().is_some(),
        page_href: &path,
        methods: visit.methods(),
        switches,
        style_href: style_href.as_deref(),
        bought: bought.as_ref(),
        all_methods_href: all_methods_href.as_deref(),
        brands: &marks,
        cvc_optional: shown.iter().all(|brand| !brand.cvc_required()) && offered.is_none(),
        form,
        notice,
        ranges: &app.ranges_for_script,
        brand_options: &options,
        ordered: if let Gateway::Brand(brand) = ordered { Some(mark(brand)) } else { None },
        brand_offer: offered.map(mark),
        test_cards: &test_cards,
    };
    respond::page(status, &page)
}

/// What a card of several brands can be paid with here. Unless there is a choice to make right now, the script brings it
/// up when such a card is typed.
fn options(app: &App, pays: &[Brand], ordered: Gateway, choice: Option<&Choice>) -> Vec<view::BrandOption> {
    let several = |brands: &[Brand]| brands.iter().filter(|brand| pays.contains(brand)).count() > 1;
    let choices = || app.settings.ranges.choices().filter(|brands| several(brands));
    let choice = choice.filter(|choice| choice.brands.len() > 1);
    let mut brands: Vec<Brand> = pays.to_vec();
    brands.retain(|brand| choices().any(|brands| brands.contains(brand)));
    brands.sort_by_key(|brand| !ordered.takes(*brand));
    let option = |brand: Brand| view::BrandOption {
        brand: mark(brand),
        offered: choice.is_some_and(|choice| choice.brands.contains(&brand)),
        checked: choice.is_some_and(|choice| choice.made.or(choice.brands.first().copied()) == Some(brand)),
    };
    brands.into_iter().map(option).collect()
}

fn mark(brand: Brand) -> view::Brand {
    match brand {
        Brand::Amex => view::Brand::Amex,
        Brand::Maestro => view::Brand::Maestro,
        Brand::Mastercard => view::Brand::Mastercard,
        Brand::Visa => view::Brand::Visa,
    }
}

/// What the customer is told about an attempt that ended without payment.
fn decline_text<'a>(visit: &'a Visit, transaction: &Transaction) -> Option<&'a str> {
    use DeclineClass as C;
    let texts = &visit.locale.texts.decline;
    let class = match &transaction.state {
        Stands::Declined(decline) => decline.class,
        Stands::Expired => C::TimedOut,
        Stands::Void { .. } => C::DeclinedByBank,
        Stands::Authenticating
        | Stands::Authorising
        | Stands::Unknown { .. }
        | Stands::Reversing { .. }
        | Stands::Uncleared { .. }
        | Stands::Authorised { .. }
        | Stands::Completed { .. }
        | Stands::Cancelled => return None,
    };
    Some(match class {
        C::InsufficientFunds => &texts.insufficient_funds,
        C::DeclinedByBank => &texts.declined_by_bank,
        C::ExpiredCard => &texts.expired_card,
        C::InvalidCard => &texts.invalid_card,
        C::AuthenticationFailed => &texts.authentication_failed,
        C::AuthenticationCancelled => &texts.authentication_cancelled,
        C::NotEnrolled => &texts.not_enrolled,
        C::SuspectedFraud => &texts.suspected_fraud,
        C::Technical => &texts.technical,
        C::Retype => &texts.retype,
        C::TimedOut => &texts.timed_out,
    })
}
