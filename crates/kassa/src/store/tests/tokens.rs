//! Kept cards.

use super::*;
use crate::store::KeptAnswer;
use payments::decide::TokenWish;
use payments::ids::TokenId;
use payments::token::{Model, Recurring, Token};
use rstest::rstest;

fn token(number: u8, reference: &str, model: Model) -> Token {
    Token {
        id: TokenId::draw([number; 16]),
        recurring: Recurring { model, reference: reference.to_owned() },
        card: CardSummary {
            brand: Brand::Visa,
            bin: (number > 1).then(|| "411111".to_owned()),
            last4: "1111".to_owned(),
            expiry: Expiry::parse_yymm("3512").unwrap(),
            holder: "Zoë O'Hara".to_owned(),
            issued: Issued::default(),
        },
        sealed: vec![0, 255, number],
        fingerprint: [number; 32],
    }
}

impl Bench {
    /// An order whose attempt keeps this card; not paid yet.
    async fn keeping(&self, order: &str, transaction: i64, token: &Token) -> Order {
        let order = self.place(order).await;
        let Command::SubmitCard(mut attempt) = submit(&order, transaction) else { panic!("a submission") };
        attempt.token = Some(TokenWish::Keep(Box::new(token.clone())));
        self.run(&order, Command::SubmitCard(attempt), NOW).await
    }

    async fn kept(&self, order: &str, transaction: i64, token: &Token, now: Timestamp) {
        let order = self.keeping(order, transaction, token).await;
        let order = self.run(&order, authenticated(transaction), now).await;
        self.run(&order, approved(transaction, 1), now).await;
    }

    async fn token(&self, token: &Token) -> Option<Token> {
        self.store.token(SITE, token.id).await.unwrap()
    }
}

#[rstest]
#[tokio::test]
async fn a_token_is_there_once_its_payment_is_and_gone_when_that_fails(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (good, bad) = (token(1, "é", Model::CardOnFile), token(2, "é", Model::CardOnFile));
    for (number, kept, outcome) in
        [(1, &good, None), (2, &bad, Some(Outcome::Declined { response_code: "05".to_owned() }))]
    {
        let order = bench.keeping(&format!("order {number}"), number, kept).await;
        assert_eq!(bench.load(order.id.as_str()).await.unwrap(), order);
        assert_eq!(bench.token(kept).await, None, "it cannot be used yet");
        let order = bench.run(&order, authenticated(number), after(1)).await;
        let end = outcome.map_or_else(|| approved(number, 1), |outcome| answered(number, outcome));
        bench.run(&order, end, after(2)).await;
    }
    assert_eq!(bench.token(&good).await, Some(good.clone()));
    assert_eq!(bench.token(&bad).await, None);
    assert_eq!(bench.number("SELECT COUNT(*) FROM token").await, 1);
    assert_eq!(bench.store.token(SiteId(2), good.id).await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn tokens_are_listed_by_customer_in_pages_and_known_again_by_their_card(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let all = [
        token(1, "one", Model::CardOnFile),
        token(2, "one", Model::Subscription),
        token(3, "one", Model::CardOnFile),
        token(4, "two", Model::CardOnFile),
    ];
    for (at, kept) in (1..).zip(&all) {
        bench.kept(&format!("order {at}"), at, kept, after(at)).await;
    }
    // All were submitted at the same moment: then by id.
    let mut ones: Vec<Token> = all[..3].to_vec();
    ones.sort_by_key(|token| token.id);
    let page = |limit, offset| bench.store.tokens(SITE, "one", limit, offset);
    assert_eq!(page(10, 0).await.unwrap(), ones);
    assert_eq!(page(1, 1).await.unwrap(), ones[1..2]);
    assert_eq!(page(10, 3).await.unwrap(), []);
    assert_eq!(bench.store.tokens(SiteId(2), "one", 10, 0).await.unwrap(), []);
    for (recurring, fingerprints, known) in [
        (&all[0].recurring, vec![[9; 32], [1; 32]], Some(all[0].clone())),
        (&all[0].recurring, vec![[2; 32]], None),
        (&all[1].recurring, vec![[2; 32]], Some(all[1].clone())),
        (&all[3].recurring, vec![[1; 32]], None),
        (&all[0].recurring, vec![], None),
    ] {
        assert_eq!(bench.store.token_of_card(SITE, recurring, &fingerprints).await.unwrap(), known);
    }
}

#[rstest]
#[tokio::test]
async fn a_token_is_renewed_with_the_answer_and_removed_for_good(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let kept = token(1, "one", Model::Unscheduled);
    bench.kept("a", 1, &kept, NOW).await;
    let answer = KeptAnswer {
        site: SITE,
        key: "key".to_owned(),
        digest: vec![1; 32],
        body: "{}".to_owned(),
        order_version: None,
    };
    let renewed = Expiry::parse_yymm("4001").unwrap();
    for expiry in ["4001", "4112"] {
        let expiry = Expiry::parse_yymm(expiry).unwrap();
        bench.store.renew_token(SITE, &kept, expiry, answer.statements(NOW).into()).await.unwrap();
        assert_eq!(bench.token(&kept).await.unwrap().card.expiry, renewed, "once for each answer");
    }
    assert_eq!(bench.store.find_answer(SITE, "key", NOW).await.unwrap(), Some(answer));
    bench.store.remove_token(SiteId(2), &kept).await.unwrap();
    assert!(bench.token(&kept).await.is_some());
    bench.store.remove_token(SITE, &kept).await.unwrap();
    bench.store.renew_token(SITE, &kept, renewed, Vec::new()).await.unwrap();
    assert_eq!((bench.token(&kept).await, bench.number("SELECT COUNT(*) FROM token").await), (None, 0));
}
