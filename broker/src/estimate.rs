//! What an action costs: at worst before it runs, exactly afterwards.

use permitpipe_sdk::money::Credits;

use crate::{
    action::Action,
    meter::Usage,
    service::{
        Price,
        price::{Model, TOKENS_PER_PRICE},
    },
};

const MEBIBYTE: u64 = 1 << 20;
/// A stream wraps every token in at least so many bytes.
const STREAMED_BYTES_PER_TOKEN: u64 = 4;

/// An amount in its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Charge {
    /// The provider's price.
    pub upstream: Credits,
    /// Ours.
    pub fee: Credits,
}

/// Our prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fees {
    /// For every request that is dialled.
    pub per_request: Credits,
    /// For every MiB, both directions together, rounded up to the credit.
    pub per_mebibyte: Credits,
}

/// The limits of a charge: it is held at worst, and never less than the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// What is held.
    pub worst: Charge,
    /// What any dialled request costs, also one that the upstream refused.
    pub minimum: Charge,
}

/// The worst case is beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worst case of this request costs more than can be counted; lower its output limit")]
pub struct EstimateError;

impl Charge {
    /// Both parts together.
    pub fn total(self) -> Credits {
        self.upstream.saturating_add(self.fee)
    }

    fn clamp(self, estimate: &Estimate) -> Self {
        Self {
            upstream: self.upstream.min(estimate.worst.upstream).max(estimate.minimum.upstream),
            fee: self.fee.min(estimate.worst.fee).max(estimate.minimum.fee),
        }
    }
}

/// Bounds what `action` can cost.
pub fn estimate(action: &Action, fees: &Fees) -> Result<Estimate, EstimateError> {
    let bounds = &action.bounds;
    let (worst, minimum) = match &action.operation.price {
        Price::PerCall(price) => (*price, *price),
        Price::PerToken(_) => {
            let model = model(action).ok_or(EstimateError)?;
            let worst = tokens(model, bounds.input_tokens, 0, bounds.output_tokens).ok_or(EstimateError)?;
            (worst, tokens(model, 1, 0, 0).ok_or(EstimateError)?.min(worst))
        }
    };
    let fee = fee(fees, bounds.request_bytes, bounds.response_bytes).ok_or(EstimateError)?;
    let worst = Charge { upstream: worst, fee };
    worst.upstream.checked_add(worst.fee).ok_or(EstimateError)?;
    Ok(Estimate { worst, minimum: Charge { upstream: minimum, fee: fees.per_request } })
}

/// What `action` cost, given what was seen. What was not reported is assumed against the caller; nothing the upstream
/// reports leads outside the estimate. For a request that the upstream refused (status from 400) charge the minimum instead.
pub fn charge(action: &Action, fees: &Fees, usage: &Usage) -> Charge {
    let Ok(limits) = estimate(action, fees) else { return Charge::default() };
    let fee = fee(fees, usage.request_bytes, usage.response_bytes).unwrap_or(limits.worst.fee);
    let upstream = match (&action.operation.price, model(action)) {
        (Price::PerCall(price), _) => *price,
        (Price::PerToken(_), Some(model)) => {
            let input = usage.input_tokens.unwrap_or(action.bounds.input_tokens);
            let output = usage.output_tokens.unwrap_or_else(|| assumed_output(action, model, usage));
            tokens(model, input, usage.cached_tokens, output).unwrap_or(limits.worst.upstream)
        }
        (Price::PerToken(_), None) => limits.worst.upstream,
    };
    Charge { upstream, fee }.clamp(&limits)
}

fn model(action: &Action) -> Option<&Model> {
    let Price::PerToken(table) = &action.operation.price else { return None };
    table.find(action.model.as_deref()?).map(AsRef::as_ref)
}

/// Output that nobody reported: of a stream, what its length can hold; else all that was allowed, since the provider may have produced it.
fn assumed_output(action: &Action, model: &Model, usage: &Usage) -> u64 {
    let bound = action.bounds.output_tokens;
    if !action.is_streaming || model.is_reasoning {
        return bound;
    }
    usage.output_events.max(usage.response_bytes.div_ceil(STREAMED_BYTES_PER_TOKEN)).min(bound)
}

/// One sum, rounded up once; `None` beyond 64 bits.
fn tokens(model: &Model, input: u64, cached: u64, output: u64) -> Option<Credits> {
    let cached = cached.min(input);
    let parts = [(model.input, input.saturating_sub(cached)), (model.cached_input, cached), (model.output, output)];
    let sum = parts.into_iter().try_fold(0_i128, |sum, (price, count)| {
        sum.checked_add(i128::from(price.get()).checked_mul(i128::from(count))?)
    })?;
    let per = i128::from(TOKENS_PER_PRICE);
    let rounded = sum.checked_add(per.checked_sub(1)?)?.checked_div(per)?;
    Credits::parse(i64::try_from(rounded).ok()?).ok()
}

fn fee(fees: &Fees, request_bytes: u64, response_bytes: u64) -> Option<Credits> {
    let bytes = request_bytes.checked_add(response_bytes)?;
    fees.per_mebibyte.checked_price_up(bytes, MEBIBYTE)?.checked_add(fees.per_request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{action::Head, service::Catalog};
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    fn credits(amount: i64) -> Credits {
        Credits::parse(amount).unwrap()
    }

    fn fees() -> Fees {
        Fees { per_request: credits(10), per_mebibyte: credits(100) }
    }

    fn chat(body: &str) -> Action {
        let catalog = Catalog::builtin().unwrap();
        let headers = HeaderMap::new();
        let head = Head { method: &Method::POST, tail: "/chat/completions", query: None, headers: &headers };
        Action::parse(catalog.find("openai").unwrap(), &head, Some(Bytes::from(body.to_owned()))).unwrap()
    }

    const STREAM: &str = r#"{"model":"gpt-4o-mini","max_tokens":1000,"stream":true}"#;
    const PLAIN: &str = r#"{"model":"gpt-4o-mini","max_tokens":1000}"#;
    const REASONING: &str = r#"{"model":"gpt-5-mini","max_completion_tokens":1000,"stream":true}"#;

    #[test]
    fn the_worst_case_is_input_bytes_and_the_output_limit() {
        let action = chat(PLAIN);
        let estimate = estimate(&action, &fees()).unwrap();
        // 41 bytes at 0.15 USD and 1000 tokens at 0.60 USD per million: 6.15 + 600 credits.
        assert_eq!((PLAIN.len(), estimate.worst.upstream), (41, credits(607)));
        assert_eq!(estimate.worst.fee, credits(10 + 1601));
        assert_eq!(estimate.minimum, Charge { upstream: credits(1), fee: credits(10) });
        assert_eq!(estimate.worst.total(), credits(607 + 1611));
    }

    #[test]
    fn reported_usage_is_charged_exactly() {
        let usage = Usage { input_tokens: Some(12), output_tokens: Some(34), cached_tokens: 2, ..Usage::default() };
        // 10 × 0.15 + 2 × 0.075 + 34 × 0.60 = 22.05 credits.
        assert_eq!(charge(&chat(PLAIN), &fees(), &usage).upstream, credits(23));
    }

    #[test]
    fn missing_usage_is_charged_pessimistically() {
        let seen = Usage { response_bytes: 400, output_events: 3, ..Usage::default() };
        let output = |body: &str, usage: &Usage| charge(&chat(body), &fees(), usage).upstream;
        assert_eq!(output(STREAM, &seen), credits((55 * 150 + 100 * 600_i64 + 999).div_euclid(1000)));
        assert_eq!(output(PLAIN, &seen), credits(607), "an answer that never came may have been produced");
        let worst = estimate(&chat(REASONING), &fees()).unwrap().worst.upstream;
        assert_eq!(output(REASONING, &seen), worst, "thinking is not shown");
    }

    proptest! {
        #[test]
        fn no_report_leads_outside_the_estimate(
            input in proptest::option::of(any::<u64>()), output in proptest::option::of(any::<u64>()), cached_tokens: u64,
            request_bytes: u64, response_bytes: u64, output_events: u64, body in prop::sample::select(vec![STREAM, PLAIN, REASONING]),
        ) {
            let action = chat(body);
            let usage = Usage { input_tokens: input, output_tokens: output, cached_tokens, request_bytes, response_bytes, output_events };
            let (charge, limits) = (charge(&action, &fees(), &usage), estimate(&action, &fees()).unwrap());
            prop_assert!(charge.upstream <= limits.worst.upstream && charge.fee <= limits.worst.fee);
            prop_assert!(charge.upstream >= limits.minimum.upstream && charge.fee >= limits.minimum.fee);
        }

        #[test]
        fn more_usage_never_costs_less(input in 0_u64..100_000, output in 0_u64..2000, more in 0_u64..1000) {
            let action = chat(PLAIN);
            let cost = |input, output| charge(&action, &fees(), &Usage { input_tokens: Some(input), output_tokens: Some(output), ..Usage::default() });
            prop_assert!(cost(input, output).total() <= cost(input + more, output + more).total());
        }
    }
}
