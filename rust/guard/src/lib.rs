//! `#[guarded]`: what Python calls ends with a value or an exception of ours, also where the code below it panics.
//!
//! PyO3 turns a panic into an exception that is no `Exception`, so it would pass every handler on its way to a person. The attribute
//! stands above `#[pymethods]` and `#[pyfunction]` and runs each body in `crate::errors::caught`; a test of the house asks for it
//! everywhere. A function that could not fail before can afterwards: its result becomes a `PyResult`.

#![forbid(unsafe_code)]

use proc_macro::TokenStream;
use quote::quote;
use syn::{parse_quote, Block, ImplItem, Item, ReturnType, Signature, Type};

/// Guards a function, or every function of an `impl`.
#[proc_macro_attribute]
pub fn guarded(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut item = match syn::parse(item) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error().into(),
    };
    match &mut item {
        Item::Fn(function) => guard(&mut function.sig, &mut function.block),
        Item::Impl(block) => {
            for item in &mut block.items {
                if let ImplItem::Fn(method) = item {
                    guard(&mut method.sig, &mut method.block);
                }
            }
        }
        other => {
            return syn::Error::new_spanned(other, "#[guarded] is for functions and impls")
                .into_compile_error()
                .into()
        }
    }
    quote!(#item).into()
}

fn guard(signature: &mut Signature, block: &mut Block) {
    if fallible(&signature.output) {
        let output = &signature.output;
        *block = parse_quote!({ crate::errors::caught(move || #output #block) });
    } else {
        let value: Type = match &signature.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, value) => (**value).clone(),
        };
        signature.output = parse_quote!(-> ::pyo3::PyResult<#value>);
        let output = &signature.output;
        *block = parse_quote!({ crate::errors::caught(move || #output { Ok(#block) }) });
    }
}

/// Whether a function returns a `PyResult`, by the name of its type.
fn fallible(output: &ReturnType) -> bool {
    match output {
        ReturnType::Type(_, value) => match &**value {
            Type::Path(path) => path
                .path
                .segments
                .last()
                .is_some_and(|segment| segment.ident == "PyResult"),
            _ => false,
        },
        ReturnType::Default => false,
    }
}
