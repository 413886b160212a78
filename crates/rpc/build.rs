//! Generates the gRPC and bus messages from `proto/` without a system protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = "../../proto";
    let files = ["ukai/v1/scheduler.proto", "ukai/v1/bus.proto"];
    for file in files {
        println!("cargo::rerun-if-changed={root}/{file}");
    }
    let descriptors = protox::compile(files, [root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
